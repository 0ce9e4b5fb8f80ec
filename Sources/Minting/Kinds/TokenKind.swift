/// The kinds of token the appliance signs, told apart by their `typ` header (RFC 8725 section 3.11).
///
/// What each one may hold is bounded here, for the front that writes them and for the core's gate that checks them.
package enum TokenKind: String, Sendable, CaseIterable {
    /// An access token for a resource server (RFC 9068).
    case accessToken = "at+jwt"
    /// A transaction token (draft-ietf-oauth-transaction-tokens).
    case transaction = "txntoken+jwt"
    /// An identity assertion authorization grant (draft-ietf-oauth-identity-assertion-authz-grant).
    case identityAssertion = "oauth-id-jag+jwt"
    /// A token for a federation that reads our OpenID configuration: AWS, Google, Entra, Snowflake.
    case federation = "JWT"

    /// The names of the claims that a kind of token has.
    package struct Claims: Sendable {
        /// Those without which it is not of this kind, in the order in which they are missed.
        package let required: [String]
        /// Those and the ones it may have beside them; any other is refused.
        package let all: Set<String>

        fileprivate init(required: [String], optional: Set<String>) {
            self.required = (["iss", "sub", "aud", "iat", "exp", "jti"] + required).sorted()
            all = optional.union(self.required)
        }
    }

    /// The claims it has.
    package var claims: Claims {
        switch self {
        case .accessToken: Self.accessTokenClaims
        case .transaction: Self.transactionClaims
        case .identityAssertion: Self.identityAssertionClaims
        case .federation: Self.federationClaims
        }
    }

    /// `may_act` is read back when a token is handed on, which no other kind can be.
    private static let accessTokenClaims = Claims(
        required: ["client_id"], optional: ["nbf", "scope", "authorization_details", "act", "may_act", "cnf", "txn"])
    private static let transactionClaims = Claims(
        required: ["txn", "scope", "req_wl"], optional: ["nbf", "tctx", "act"])
    private static let identityAssertionClaims = Claims(
        required: ["client_id"], optional: ["nbf", "scope", "authorization_details", "act", "resource", "txn"])
    private static let federationClaims = Claims(
        required: ["client_id", "sub_id"], optional: ["nbf", "authorization_details", "act", "txn", SessionTag.claim])

    /// The claim that says which client of ours asked; nil where `client_id` is a client of somebody else's.
    package var clientClaim: String? {
        switch self {
        case .accessToken, .federation: "client_id"
        case .transaction: "req_wl"
        case .identityAssertion: nil
        }
    }

    /// The longest life in seconds whatever key and rule say; nil where they alone decide.
    package var maximumLifetime: Int64? {
        switch self {
        // Redeemed at once, and once (draft-ietf-oauth-identity-assertion-authz-grant section 4.1).
        case .identityAssertion: 300
        case .accessToken, .transaction, .federation: nil
        }
    }
}
