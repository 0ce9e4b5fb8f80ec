package import StrictEncoding

/// The claims of a token for a cloud's workload identity federation, found by our OpenID configuration.
///
/// `sub` is what the federation matches, so it follows a template; `sub_id` says who the user is in any case. There is
/// no `cnf`: no federation checks one. Source: OpenID Connect Core 1.0 section 2, RFC 9493 section 3.2.3.
package struct FederationClaims: Sendable {
    private let facts: TokenFacts
    private let subject: String
    private let userIssuer: String
    private let tags: [SessionTag.Value]

    /// Claims; `subject` is the expanded template, `facts.subject` the user whom `userIssuer` vouches for.
    package init(_ facts: TokenFacts, subject: String, userIssuer: String, tags: [SessionTag.Value]) {
        self.facts = facts
        self.subject = subject
        self.userIssuer = userIssuer
        self.tags = tags
    }

    /// The claims set.
    package var json: JSONObject {
        let user: JSONValue = [
            "format": "iss_sub", "iss": .string(userIssuer), "sub": .string(facts.subject),
        ]
        var claims = JSONObject([
            .init(name: "iss", value: .string(facts.issuer)), .init(name: "sub", value: .string(subject)),
            .init(name: "aud", value: .string(facts.audience)), .init(name: "client_id", value: .string(facts.client)),
            .init(name: "iat", value: .integer(facts.issuedAt)), .init(name: "nbf", value: .integer(facts.issuedAt)),
            .init(name: "exp", value: .integer(facts.expiry)), .init(name: "jti", value: .string(facts.jti)),
            .init(name: "sub_id", value: user), .init(name: "txn", value: .string(facts.txn)),
        ])
        claims["authorization_details"] = facts.authorizationDetails?.json
        claims["act"] = ActClaim.json(facts.actors[...])
        claims[SessionTag.claim] = SessionTag.json(tags)
        return claims
    }
}
