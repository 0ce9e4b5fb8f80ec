package import StrictEncoding

/// The claims of a transaction token: what one request was granted, for every workload of a trust domain that serves it.
///
/// Source: draft-ietf-oauth-transaction-tokens section 9.
///
/// It is a record and no credential: it has no `cnf`, and no resource server may take it for an access token. `rctx` is
/// left out, since nothing of the requester's surroundings is verified here; `tctx` holds what was.
package struct TransactionTokenClaims: Sendable {
    /// The token that a transaction token is the receipt of.
    package struct Receipt: Sendable {
        /// Its `aud`.
        package let audience: String
        /// Its `jti`.
        package let jti: String

        /// A token by its audience and identifier.
        package init(audience: String, jti: String) {
            self.audience = audience
            self.jti = jti
        }
    }

    private let facts: TokenFacts
    private let receipt: Receipt?

    /// Claims; `facts.audience` is the trust domain, and `facts.scope` must not be nil.
    package init(_ facts: TokenFacts, receipt: Receipt? = nil) {
        self.facts = facts
        self.receipt = receipt
    }

    /// The claims set.
    package var json: JSONObject {
        var claims = JSONObject([
            .init(name: "iss", value: .string(facts.issuer)), .init(name: "sub", value: .string(facts.subject)),
            .init(name: "aud", value: .string(facts.audience)), .init(name: "iat", value: .integer(facts.issuedAt)),
            .init(name: "exp", value: .integer(facts.expiry)), .init(name: "jti", value: .string(facts.jti)),
            .init(name: "txn", value: .string(facts.txn)), .init(name: "req_wl", value: .string(facts.client)),
        ])
        claims["scope"] = facts.scope.map { .string($0) }
        claims["act"] = ActClaim.json(facts.actors[...])
        claims["tctx"] = context
        return claims
    }

    /// `tctx`: the call that was granted, and the token it was granted by; nil when there is neither.
    private var context: JSONValue? {
        var context = JSONObject()
        context["authorization_details"] = facts.authorizationDetails?.json
        if let receipt {
            context["token"] = ["aud": .string(receipt.audience), "jti": .string(receipt.jti)]
        }
        return context.members.isEmpty ? nil : .object(context)
    }
}
