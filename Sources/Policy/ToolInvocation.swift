/// One call of a tool, as `authorization_details` of type `tool_invocation` states it (RFC 9396 section 2).
package struct ToolInvocation: Sendable, Equatable {
    /// Name of the tool.
    package var tool: String
    /// What the tool is to do; empty when the request does not say.
    package var actions: [String]
    /// Where it is to be done; empty when the request does not say.
    package var locations: [String]
    /// The one object it is about; nil when the request does not say.
    package var identifier: String?
    /// base64url of the SHA-256 of the RFC 8785 form of the arguments; nil when the request does not say.
    package var argumentsSHA256: String?

    /// A call of a tool; what is left out is absent.
    package init(
        tool: String, actions: [String] = [], locations: [String] = [], identifier: String? = nil,
        argumentsSHA256: String? = nil
    ) {
        self.tool = tool
        self.actions = actions
        self.locations = locations
        self.identifier = identifier
        self.argumentsSHA256 = argumentsSHA256
    }
}
