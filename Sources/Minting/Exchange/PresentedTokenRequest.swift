/// What introspection and revocation are asked with: a token, and perhaps what the caller takes it for.
///
/// Source: RFC 7662 section 2.1, RFC 7009 section 2.1.
package struct PresentedTokenRequest: Sendable {
    /// The token, whatever it is.
    package let token: [UInt8]

    /// Reads parameters; the hint is not read, since a token of ours says itself what it is.
    package init(_ form: FormParameters) throws(OAuthError) {
        token = try form.required("token")
        _ = try form.optional("token_type_hint")
        try form.refuseRepeated(except: [])
    }
}
