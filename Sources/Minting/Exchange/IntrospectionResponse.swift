package import StrictEncoding

/// What introspection answers.
///
/// Source: RFC 7662 section 2.2, RFC 8693 sections 4.1 (`act`) and 4.4 (`may_act`), RFC 8705 section 3.2 (`cnf`),
/// RFC 9396 section 9.2.
package enum IntrospectionResponse {
    /// Of a token that is not active, or not the caller's to ask about, nothing else is said.
    package static let inactive: JSONValue = ["active": false]

    /// The claims that are told; a token of ours has hardly any others.
    private static let told = [
        "iss", "sub", "aud", "client_id", "scope", "iat", "nbf", "exp", "jti", "txn", "act", "may_act",
        "cnf", "authorization_details",
    ]

    /// The answer about an active token.
    package static func active(_ token: OwnToken) -> JSONValue {
        var members: [JSONObject.Member] = [.init(name: "active", value: true)]
        if let type = tokenType(token) { members.append(.init(name: "token_type", value: .string(type))) }
        for name in told {
            if let value = token.claims[name] { members.append(.init(name: name, value: value)) }
        }
        return .object(JSONObject(members))
    }

    /// RFC 6749 section 7.1; only access tokens have one.
    private static func tokenType(_ token: OwnToken) -> String? {
        guard token.kind == .accessToken else { return nil }
        return token.keyThumbprint == nil ? "Bearer" : "DPoP"
    }
}
