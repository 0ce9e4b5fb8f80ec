/// What a request at the token endpoint asks for, whatever grant it asks by.
///
/// Source: RFC 8693 section 2.1, RFC 8707 section 2, RFC 9396 section 6, RFC 6749 section 3.3.
package struct RequestedAccess: Sendable {
    static let maximumTargets = 8
    static let maximumAudienceLength = 512
    /// The parameters that may stand several times.
    static let repeatable: Set<String> = ["audience", "resource"]

    /// Logical names of the target.
    package let audiences: [String]
    /// Absolute URIs of the target (RFC 8707).
    package let resources: [String]
    /// The scopes asked for; nil when the parameter is absent.
    package let scope: [String]?
    /// The tool call; nil when the request has no details.
    package let authorizationDetails: ToolInvocation?
    /// What is asked for; nil when the request leaves it open.
    package let requestedTokenType: TokenType?
    /// The trust domain for whose workloads a transaction token is asked as a receipt; nil for no receipt.
    ///
    /// A parameter of our own (docs/integrating.md, "Receipts").
    package let receipt: String?
    /// How long a token is asked for, in seconds; nil when the request leaves it open.
    ///
    /// A parameter of our own, named like the member of the answer (docs/kinds.md, "Lifetimes"): RFC 8693 has none.
    package let expiresIn: Int64?

    /// Reads the parameters; each has its own error code.
    init(_ form: FormParameters) throws(OAuthError) {
        audiences = try Self.targets(form, "audience") { Self.isName($0, maximum: Self.maximumAudienceLength) }
        resources = try Self.targets(form, "resource", ResourceURI.isAcceptable)
        scope = try form.optional("scope").map { value throws(OAuthError) in try Scope.tokens(value) }
        authorizationDetails = try form.optional("authorization_details").map { value throws(OAuthError) in
            try ToolInvocation(parsing: value)
        }
        requestedTokenType = try form.optional("requested_token_type").map { value throws(OAuthError) in
            try TokenType(value, "requested_token_type")
        }
        receipt = try form.optional("receipt").map { value throws(OAuthError) in
            guard Self.isName(value, maximum: Self.maximumAudienceLength) else {
                throw OAuthError(.invalidTarget, "receipt is not in an acceptable form")
            }
            return String(decoding: value, as: UTF8.self)
        }
        expiresIn = try form.optional("expires_in").map { value throws(OAuthError) in try Self.seconds(value) }
    }

    /// A positive number of seconds in its one form; what is too large to count is as much as there is.
    private static func seconds(_ value: [UInt8]) throws(OAuthError) -> Int64 {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard value.first != UInt8(ascii: "0"), value.allSatisfy(digits.contains) else {
            throw OAuthError(.invalidRequest, "expires_in is not a positive number of whole seconds")
        }
        return Int64(String(decoding: value, as: UTF8.self)) ?? .max
    }

    /// Whether a value is visible ASCII of bounded length.
    static func isName(_ value: [UInt8], maximum: Int) -> Bool {
        value.count <= maximum && value.allSatisfy { (0x21...0x7E).contains($0) }
    }

    private static func targets(
        _ form: FormParameters, _ parameter: String, _ isAcceptable: ([UInt8]) -> Bool
    ) throws(OAuthError) -> [String] {
        let values = try form.values(parameter)
        guard values.count <= maximumTargets else {
            throw OAuthError(.invalidTarget, "there are too many \(parameter)s")
        }
        guard values.allSatisfy(isAcceptable) else {
            throw OAuthError(.invalidTarget, "\(parameter) is not in an acceptable form")
        }
        return values.map { String(decoding: $0, as: UTF8.self) }
    }
}

extension TokenType {
    /// The type a parameter names; throws `invalidRequest` for any other text.
    init(_ value: [UInt8], _ parameter: String) throws(OAuthError) {
        guard let type = TokenType.allCases.first(where: { value.elementsEqual($0.rawValue.utf8) }) else {
            throw OAuthError(.invalidRequest, "\(parameter) is not supported")
        }
        self = type
    }
}
