/// Why a key, a key set or an issuer of the configuration was refused when it was loaded.
///
/// For operators, so the text may name a key's `kid` or an issuer; none of it comes from a request.
package struct MintingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong.
    package enum Code: String, Sendable {
        /// Not JSON, not a JWK, or a member of another type than the standard's.
        case malformed
        /// A member that only a private or symmetric key has.
        case privateKey
        /// A key type, curve, algorithm or use that is not supported or not allowed here.
        case unsupportedKey
        /// RSA below 2048 or above 4096 bits, or an exponent that is even or below 65537; a point off its curve.
        case weakKey
        /// A key that several configured algorithms fit, and that names none of them.
        case ambiguousAlgorithm
        /// No `kid`, one that is not visible ASCII, or the same one twice.
        case badKeyID
        /// More keys, or more bytes, than one set may hold.
        case tooLarge
        /// A set without a key that can be used.
        case noUsableKey
        /// A member of an issuer that cannot be.
        case badIssuer
        /// Two issuers with one name, one issuer string, or one possible `sub`.
        case conflictingIssuers
    }

    /// What is wrong.
    package let code: Code
    /// Where and how, in our own words.
    package let context: String

    /// An error.
    package init(_ code: Code, _ context: String) {
        self.code = code
        self.context = context
    }

    /// Errors are the same when their codes are.
    package static func == (left: MintingError, right: MintingError) -> Bool { left.code == right.code }

    /// The context, which says everything a reader needs.
    package var description: String { context }
}
