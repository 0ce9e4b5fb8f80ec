package import StrictEncoding

/// The claims of an access token for a resource server.
///
/// Source: RFC 9068 section 2.2, docs/integrating.md.
package struct AccessTokenClaims: Sendable {
    /// The `typ` header of these tokens (RFC 9068 section 2.1).
    package static let type = "at+jwt"

    /// `iss`: this appliance.
    package let issuer: String
    /// `sub`: the user.
    package let subject: String
    /// `aud`: the one target.
    package let audience: String
    /// `client_id`: the gateway.
    package let clientID: String
    /// `iat` and `nbf`, in seconds since 1970.
    package let issuedAt: Int64
    /// `exp`, in seconds since 1970.
    package let expiry: Int64
    /// `jti`.
    package let jti: String
    /// `scope`: scope tokens between spaces; nil when none is granted.
    package let scope: String?
    /// `authorization_details`; nil when none is granted.
    package let authorizationDetails: ToolInvocation?
    /// `act`: the agents, the current one first; the others stand inside it (RFC 8693 section 4.1).
    package let actors: [VerifiedToken.Party]
    /// `may_act`: the one agent that is bound to the user (RFC 8693 section 4.4); nil when none is.
    package let mayAct: VerifiedToken.Party?
    /// `cnf`: `x5t#S256` of the gateway's certificate (RFC 8705 section 3.1); nil when the token is not bound to it.
    package let certificateThumbprint: String?
    /// `cnf`: `jkt` of the gateway's DPoP key (RFC 9449 section 6.1), which stands instead of a certificate; nil without proof.
    package let keyThumbprint: String?
    /// `txn`: what ties all tokens of one request together; nil when there is none.
    package let txn: String?

    /// Claims; `actor` acts now, `priorActors` are those it acts through, latest first.
    package init(
        issuer: String, subject: String, audience: String, clientID: String, issuedAt: Int64, expiry: Int64,
        jti: String, scope: String? = nil, authorizationDetails: ToolInvocation? = nil,
        actor: VerifiedToken.Party? = nil, priorActors: [VerifiedToken.Party] = [],
        mayAct: VerifiedToken.Party? = nil, certificateThumbprint: String? = nil, keyThumbprint: String? = nil,
        txn: String? = nil
    ) {
        self.issuer = issuer
        self.subject = subject
        self.audience = audience
        self.clientID = clientID
        self.issuedAt = issuedAt
        self.expiry = expiry
        self.jti = jti
        self.scope = scope
        self.authorizationDetails = authorizationDetails
        actors = (actor.map { [$0] } ?? []) + priorActors
        self.mayAct = mayAct
        self.certificateThumbprint = certificateThumbprint
        self.keyThumbprint = keyThumbprint
        self.txn = txn
    }

    /// The claims set.
    package var json: JSONObject {
        var members: [JSONObject.Member] = []
        members.reserveCapacity(mayAct == nil ? 13 : 14)
        func add(_ name: String, _ value: JSONValue?) {
            if let value { members.append(.init(name: name, value: value)) }
        }
        add("iss", .string(issuer))
        add("sub", .string(subject))
        add("aud", .string(audience))
        add("client_id", .string(clientID))
        add("iat", .integer(issuedAt))
        add("nbf", .integer(issuedAt))
        add("exp", .integer(expiry))
        add("jti", .string(jti))
        add("scope", scope.map { .string($0) })
        add("authorization_details", authorizationDetails?.json)
        add("act", ActClaim.json(actors[...]))
        if let mayAct { add("may_act", ActClaim.json([mayAct])) }
        add(
            "cnf",
            keyThumbprint.map { ["jkt": .string($0)] } ?? certificateThumbprint.map { ["x5t#S256": .string($0)] })
        add("txn", txn.map { .string($0) })
        return JSONObject(members)
    }
}
