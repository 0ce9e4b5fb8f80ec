/// The parameters of a form body, read in one way only.
///
/// Source: RFC 6749 appendix B, WHATWG URL section 5.
///
/// Refused beside bad escapes: more than `maximumCount` parameters, empty pairs and pairs without `=`, raw characters
/// that every encoder escapes, bytes that are not UTF-8, and control characters, NUL among them.
package struct FormParameters: Sendable {
    /// The most parameters one form may have.
    package static let maximumCount = 64
    /// The longest name in bytes.
    package static let maximumNameLength = 64

    /// One parameter, decoded.
    package struct Parameter: Sendable, Equatable {
        /// Its name: visible ASCII.
        package let name: String
        /// Its value: UTF-8 without control characters.
        package let value: [UInt8]
    }

    /// The parameters in their order.
    package let parameters: [Parameter]

    /// Reads a body of type `application/x-www-form-urlencoded`; throws `invalidRequest`.
    package init(parsing body: [UInt8], maximumBytes: Int = 65_536) throws(OAuthError) {
        guard body.count <= maximumBytes else { throw OAuthError(.invalidRequest, "the body is too large") }
        var parameters: [Parameter] = []
        parameters.reserveCapacity(12)
        var decoder = FormDecoder(body)
        while !decoder.isAtEnd {
            guard parameters.count < Self.maximumCount else {
                throw OAuthError(.invalidRequest, "there are too many parameters")
            }
            parameters.append(Parameter(name: try decoder.name(), value: try decoder.value()))
        }
        self.parameters = parameters
    }

    /// Every value of a parameter, in order; refuses empty ones.
    package func values(_ name: String) throws(OAuthError) -> [[UInt8]] {
        var values: [[UInt8]] = []
        for parameter in parameters where parameter.name == name {
            guard !parameter.value.isEmpty else { throw OAuthError(.invalidRequest, "\(name) is empty") }
            values.append(parameter.value)
        }
        return values
    }

    /// The value of a parameter that may stand once; nil when it is absent (RFC 6749 section 3.2).
    package func optional(_ name: String) throws(OAuthError) -> [UInt8]? {
        let values = try values(name)
        guard values.count <= 1 else { throw OAuthError(.invalidRequest, "\(name) is repeated") }
        return values.first
    }

    /// The value of a parameter that must stand exactly once.
    package func required(_ name: String) throws(OAuthError) -> [UInt8] {
        guard let value = try optional(name) else { throw OAuthError(.invalidRequest, "\(name) is missing") }
        return value
    }

    /// Refuses any parameter but those in `repeatable` that stands twice, known or not (RFC 6749 section 3.2).
    package func refuseRepeated(except repeatable: Set<String>) throws(OAuthError) {
        for (index, parameter) in parameters.enumerated() where !repeatable.contains(parameter.name) {
            guard !parameters[..<index].contains(where: { $0.name == parameter.name }) else {
                throw OAuthError(.invalidRequest, "a parameter is repeated")
            }
        }
    }
}
