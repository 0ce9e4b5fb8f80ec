/// The token type identifiers in use.
///
/// Source: RFC 8693 section 3.
package enum TokenType: String, Sendable, CaseIterable {
    case jwt = "urn:ietf:params:oauth:token-type:jwt"
    case idToken = "urn:ietf:params:oauth:token-type:id_token"
    case accessToken = "urn:ietf:params:oauth:token-type:access_token"
    /// draft-ietf-oauth-transaction-tokens section 10.
    case transactionToken = "urn:ietf:params:oauth:token-type:txn_token"
    /// draft-ietf-oauth-identity-assertion-authz-grant section 9.
    case identityAssertion = "urn:ietf:params:oauth:token-type:id-jag"

    /// Whether a subject or actor token may be called so: these are JWTs of the kinds that issuers sign.
    var isPresentable: Bool { self == .jwt || self == .idToken || self == .accessToken }
}
