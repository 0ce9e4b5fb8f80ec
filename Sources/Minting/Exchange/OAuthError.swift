package import StrictEncoding

/// An error as a client gets it.
///
/// Source: RFC 6749 section 5.2, RFC 8693 section 2.2.2, RFC 9396 section 5, RFC 8707 section 2, RFC 9449 sections 5 and 8.
package struct OAuthError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The registered codes that are used.
    package enum Code: String, Sendable, CaseIterable {
        case invalidRequest = "invalid_request"
        case invalidClient = "invalid_client"
        /// An assertion was not accepted (RFC 7521 section 4.1).
        case invalidGrant = "invalid_grant"
        case unauthorizedClient = "unauthorized_client"
        case unsupportedGrantType = "unsupported_grant_type"
        case invalidScope = "invalid_scope"
        case invalidTarget = "invalid_target"
        case invalidAuthorizationDetails = "invalid_authorization_details"
        case accessDenied = "access_denied"
        case invalidDPoPProof = "invalid_dpop_proof"
        case useDPoPNonce = "use_dpop_nonce"
        /// A token that cannot be revoked (RFC 7009 section 2.2.1).
        case unsupportedTokenType = "unsupported_token_type"
        case temporarilyUnavailable = "temporarily_unavailable"
        case serverError = "server_error"
    }

    /// The code.
    package let code: Code
    /// For the developer of the client: names parameters, never their values.
    package let description: String

    /// An error; characters that an `error_description` must not hold (RFC 6749 section 5.2) become question marks.
    package init(_ code: Code, _ description: String) {
        self.code = code
        let isPlain = description.utf8.allSatisfy(Self.isAllowed)
        self.description =
            isPlain
            ? description
            : String(decoding: description.utf8.map { Self.isAllowed($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        (0x20...0x7E).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    /// Errors are the same when their codes are.
    package static func == (left: OAuthError, right: OAuthError) -> Bool { left.code == right.code }

    /// The body of the answer.
    package var json: JSONValue {
        ["error": .string(code.rawValue), "error_description": .string(description)]
    }
}
