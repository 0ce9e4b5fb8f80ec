/// The token type identifiers in use.
///
/// Source: RFC 8693 section 3.
package enum TokenType: String, Sendable, CaseIterable {
    case jwt = "urn:ietf:params:oauth:token-type:jwt"
    case idToken = "urn:ietf:params:oauth:token-type:id_token"
    case accessToken = "urn:ietf:params:oauth:token-type:access_token"
}
