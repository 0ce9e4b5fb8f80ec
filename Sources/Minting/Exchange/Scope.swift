/// The `scope` parameter.
///
/// Source: RFC 6749 section 3.3.
enum Scope {
    static let maximumLength = 2048
    static let maximumTokens = 64

    /// The scope tokens, in order: separated by single spaces, each once; throws `invalidScope`.
    static func tokens(_ value: [UInt8]) throws(OAuthError) -> [String] {
        guard value.count <= maximumLength else { throw OAuthError(.invalidScope, "scope is too long") }
        let parts = value.split(separator: 0x20, omittingEmptySubsequences: false)
        guard parts.count <= maximumTokens else { throw OAuthError(.invalidScope, "scope has too many values") }
        var tokens: [String] = []
        tokens.reserveCapacity(parts.count)
        for part in parts {
            guard !part.isEmpty, part.allSatisfy(isScopeCharacter) else {
                throw OAuthError(.invalidScope, "scope is not a list of scope tokens between single spaces")
            }
            let token = String(decoding: part, as: UTF8.self)
            guard !tokens.contains(token) else { throw OAuthError(.invalidScope, "scope names a value twice") }
            tokens.append(token)
        }
        return tokens
    }

    private static func isScopeCharacter(_ byte: UInt8) -> Bool {
        (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }
}
