package import StrictEncoding

/// One call of a tool: the one type of `authorization_details` there is (docs/integrating.md).
///
/// Source: RFC 9396 section 2.
package struct ToolInvocation: Sendable, Equatable {
    /// The value of the member `type`.
    package static let type = "tool_invocation"
    /// The longest `authorization_details` in bytes.
    package static let maximumBytes = 16_384
    static let maximumElements = 16
    static let maximumNameLength = 256
    static let maximumLocationLength = 2048

    /// Name of the tool.
    package let tool: String
    /// What the tool is to do; empty when the request does not say.
    package let actions: [String]
    /// Where it is to be done; empty when the request does not say.
    package let locations: [String]
    /// The one object it is about; nil when the request does not say.
    package let identifier: String?
    /// base64url of the SHA-256 of the RFC 8785 form of the arguments; nil when the request does not say.
    package let argumentsSHA256: String?

    /// Reads `authorization_details`: an array of exactly one `tool_invocation`; throws
    /// `invalidAuthorizationDetails` for everything else, unknown members among it.
    package init(parsing bytes: [UInt8]) throws(OAuthError) {
        guard bytes.count <= Self.maximumBytes, let value = try? JSONParser.parse(bytes) else {
            throw Self.fault("must be a JSON array")
        }
        try self.init(value)
    }

    /// Reads the same out of a claim.
    package init(_ value: JSONValue) throws(OAuthError) {
        guard let elements = value.array else { throw Self.fault("must be a JSON array") }
        guard elements.count == 1, let object = elements[0].object else {
            throw Self.fault("must hold exactly one object")
        }
        try self.init(object)
    }

    private init(_ object: JSONObject) throws(OAuthError) {
        guard object["type"] == .string(Self.type) else { throw Self.fault("type must be \(Self.type)") }
        let known: Set = ["type", "tool", "actions", "locations", "identifier", "arguments_sha256"]
        guard object.firstName(notIn: known) == nil else { throw Self.fault("holds an unknown member") }
        guard let tool = try Self.name(object, "tool") else { throw Self.fault("tool is missing") }
        self.tool = tool
        actions = try Self.names(object, "actions", maximum: Self.maximumNameLength)
        locations = try Self.names(object, "locations", maximum: Self.maximumLocationLength)
        identifier = try Self.name(object, "identifier")
        argumentsSHA256 = try Self.name(object, "arguments_sha256")
        if let argumentsSHA256 {
            guard Base64URL.decode(argumentsSHA256)?.count == 32 else {
                throw Self.fault("arguments_sha256 must be a SHA-256 in base64url without padding")
            }
        }
    }

    private static func fault(_ problem: String) -> OAuthError {
        OAuthError(.invalidAuthorizationDetails, "authorization_details: \(problem)")
    }

    private static func name(_ object: JSONObject, _ member: String) throws(OAuthError) -> String? {
        guard let value = object[member] else { return nil }
        guard let text = value.string, VisibleASCII.isName(text, maximum: maximumNameLength) else {
            throw fault("\(member) must be 1 to \(maximumNameLength) visible ASCII characters")
        }
        return text
    }

    private static func names(
        _ object: JSONObject, _ member: String, maximum: Int
    ) throws(OAuthError) -> [String] {
        guard let value = object[member] else { return [] }
        guard let names = value.strings, (1...maximumElements).contains(names.count),
            names.allSatisfy({ VisibleASCII.isName($0, maximum: maximum) })
        else { throw fault("\(member) must be 1 to \(maximumElements) strings of visible ASCII characters") }
        guard Set(names).count == names.count else { throw fault("\(member) names something twice") }
        return names
    }

    /// The call as it is echoed in the response and in the token: an array of one object (RFC 9396 sections 7 and 9.1).
    package var json: JSONValue {
        var object = JSONObject([
            .init(name: "type", value: .string(Self.type)), .init(name: "tool", value: .string(tool)),
        ])
        if !actions.isEmpty { object["actions"] = .array(actions.map { .string($0) }) }
        if !locations.isEmpty { object["locations"] = .array(locations.map { .string($0) }) }
        object["identifier"] = identifier.map { .string($0) }
        object["arguments_sha256"] = argumentsSHA256.map { .string($0) }
        return [.object(object)]
    }
}
