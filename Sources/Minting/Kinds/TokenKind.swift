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

    /// The claims without which it is not one of these.
    package var requiredClaims: Set<String> {
        let all: Set<String> = ["iss", "sub", "aud", "iat", "exp", "jti"]
        return switch self {
        case .accessToken, .identityAssertion: all.union(["client_id"])
        case .transaction: all.union(["txn", "scope", "req_wl"])
        case .federation: all.union(["client_id", "sub_id"])
        }
    }

    /// The claims it may have beside those; a claim in neither set is refused.
    package var optionalClaims: Set<String> {
        switch self {
        case .accessToken: ["nbf", "scope", "authorization_details", "act", "cnf", "txn"]
        case .transaction: ["nbf", "tctx", "act"]
        case .identityAssertion: ["nbf", "scope", "authorization_details", "act", "resource", "txn"]
        case .federation: ["nbf", "authorization_details", "act", "txn", SessionTag.claim]
        }
    }

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
