package import StrictEncoding

/// The claims of an identity assertion for another authorization server, which gives an access token of its own for it.
///
/// Source: draft-ietf-oauth-identity-assertion-authz-grant section 3.
package struct IdentityAssertionClaims: Sendable {
    private let facts: TokenFacts
    private let clientID: String
    private let resources: [String]

    /// Claims; `facts.audience` is the other server's issuer, `clientID` the client that redeems it there.
    package init(_ facts: TokenFacts, clientID: String, resources: [String]) {
        self.facts = facts
        self.clientID = clientID
        self.resources = resources
    }

    /// The claims set.
    package var json: JSONObject {
        var claims = JSONObject([
            .init(name: "iss", value: .string(facts.issuer)), .init(name: "sub", value: .string(facts.subject)),
            .init(name: "aud", value: .string(facts.audience)), .init(name: "client_id", value: .string(clientID)),
            .init(name: "iat", value: .integer(facts.issuedAt)), .init(name: "exp", value: .integer(facts.expiry)),
            .init(name: "jti", value: .string(facts.jti)),
        ])
        claims["scope"] = facts.scope.map { .string($0) }
        claims["authorization_details"] = facts.authorizationDetails?.json
        claims["resource"] = resource
        claims["act"] = ActClaim.json(facts.actors[...])
        claims["txn"] = .string(facts.txn)
        return claims
    }

    /// One resource as a string, several as an array (RFC 8707 section 2).
    private var resource: JSONValue? {
        guard let first = resources.first else { return nil }
        return resources.count == 1 ? .string(first) : .array(resources.map { .string($0) })
    }
}
