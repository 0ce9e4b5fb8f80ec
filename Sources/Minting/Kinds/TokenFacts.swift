/// What every kind of token says: who asked for whom, for what, and for how long.
package struct TokenFacts: Sendable {
    /// `iss`: this appliance.
    package let issuer: String
    /// `sub`: the user, or the client that asks for itself.
    package let subject: String
    /// `aud`: the one target.
    package let audience: String
    /// The client of ours that asked.
    package let client: String
    /// `iat`, in seconds since 1970.
    package let issuedAt: Int64
    /// `exp`, in seconds since 1970.
    package let expiry: Int64
    /// `jti`.
    package let jti: String
    /// `scope`: scope tokens between spaces; nil when none is granted.
    package let scope: String?
    /// `authorization_details`; nil when none is granted.
    package let authorizationDetails: ToolInvocation?
    /// `act`: the current actor first, those it acts through inside it (RFC 8693 section 4.1).
    package let actors: [VerifiedToken.Party]
    /// `txn`: what ties all tokens of one request together.
    package let txn: String

    /// Facts.
    package init(
        issuer: String, subject: String, audience: String, client: String, issuedAt: Int64, expiry: Int64, jti: String,
        scope: String?, authorizationDetails: ToolInvocation?, actors: [VerifiedToken.Party], txn: String
    ) {
        self.issuer = issuer
        self.subject = subject
        self.audience = audience
        self.client = client
        self.issuedAt = issuedAt
        self.expiry = expiry
        self.jti = jti
        self.scope = scope
        self.authorizationDetails = authorizationDetails
        self.actors = actors
        self.txn = txn
    }
}
