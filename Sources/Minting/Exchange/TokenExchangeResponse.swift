package import StrictEncoding

/// The answer to a granted exchange.
///
/// Source: RFC 8693 section 2.2.1, RFC 9396 section 7.
package struct TokenExchangeResponse: Sendable {
    /// The token in compact serialization.
    package let accessToken: String
    /// What it is; an `at+jwt` may be called either a JWT or an access token, whichever was asked for.
    package let issuedTokenType: TokenType
    /// How it is used: `Bearer`, `DPoP` when it is bound to a key (RFC 9449 section 5), or `N_A` for what is no access
    /// token (RFC 8693 section 2.2.1).
    package let tokenType: String
    /// How long it lives, in seconds.
    package let lifetime: Int64
    /// The granted scope; nil when none is granted.
    package let scope: String?
    /// The granted details; nil when none are.
    package let authorizationDetails: ToolInvocation?

    /// A transaction token that records what this one was issued for; nil when none was asked for.
    package let receipt: String?

    /// An answer; `token_type` is `Bearer` also for tokens bound to a certificate (RFC 8705 section 3).
    package init(
        accessToken: String, issuedTokenType: TokenType = .accessToken, tokenType: String = "Bearer",
        lifetime: Int64, scope: String?, authorizationDetails: ToolInvocation?, receipt: String? = nil
    ) {
        self.accessToken = accessToken
        self.issuedTokenType = issuedTokenType
        self.tokenType = tokenType
        self.lifetime = lifetime
        self.scope = scope
        self.authorizationDetails = authorizationDetails
        self.receipt = receipt
    }

    /// The body.
    package var json: JSONValue {
        var object = JSONObject([
            .init(name: "access_token", value: .string(accessToken)),
            .init(name: "issued_token_type", value: .string(issuedTokenType.rawValue)),
            .init(name: "token_type", value: .string(tokenType)), .init(name: "expires_in", value: .integer(lifetime)),
        ])
        object["scope"] = scope.map { .string($0) }
        object["authorization_details"] = authorizationDetails?.json
        object["receipt"] = receipt.map { .string($0) }
        return .object(object)
    }
}
