/// The tokens that a request offers in exchange for another.
///
/// Source: RFC 8693 section 2.1.
///
/// A parameter that is missing, empty or repeated is an error and never another flow.
package struct TokenExchangeRequest: Sendable {
    /// The user's token.
    package let subjectToken: [UInt8]
    /// What the request says it is.
    package let subjectTokenType: TokenType
    /// The agent's token; nil when none was sent.
    package let actorToken: [UInt8]?
    /// What the request says it is; nil exactly when there is none.
    package let actorTokenType: TokenType?

    /// Reads parameters.
    init(_ form: FormParameters) throws(OAuthError) {
        subjectToken = try form.required("subject_token")
        subjectTokenType = try Self.type(try form.required("subject_token_type"), "subject_token_type")
        actorToken = try form.optional("actor_token")
        actorTokenType = try Self.actorType(form, hasToken: actorToken != nil)
    }

    /// Transaction tokens and identity assertions are no proof of a user here, whatever they say.
    private static func type(_ value: [UInt8], _ parameter: String) throws(OAuthError) -> TokenType {
        let type = try TokenType(value, parameter)
        guard type.isPresentable else { throw OAuthError(.invalidRequest, "\(parameter) is not supported") }
        return type
    }

    /// `actor_token_type` must stand with `actor_token` and must not stand without it.
    private static func actorType(_ form: FormParameters, hasToken: Bool) throws(OAuthError) -> TokenType? {
        guard hasToken else {
            guard try form.optional("actor_token_type") == nil else {
                throw OAuthError(.invalidRequest, "actor_token_type stands without actor_token")
            }
            return nil
        }
        return try type(try form.required("actor_token_type"), "actor_token_type")
    }
}
