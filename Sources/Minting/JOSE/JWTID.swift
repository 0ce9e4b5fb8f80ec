import StrictEncoding

/// Identifiers of tokens.
///
/// Source: RFC 7519 section 4.1.7.
package enum JWTID {
    /// How many random bytes an identifier has: 128 bits, which no one can guess or meet by chance.
    package static let byteCount = 16

    /// A new identifier of 22 characters; the generator must be cryptographically secure.
    package static func random(using generator: inout some RandomNumberGenerator) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        for _ in 0..<(byteCount / 8) {
            let word: UInt64 = generator.next()
            for shift in stride(from: 0, to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        return Base64URL.string(bytes)
    }

    /// The longest identifier of a token that is handed on: what is made from it has a longer one, and the core signs
    /// none of more than 128 bytes.
    package static let maximumParentLength = 128 - 1 - 22

    /// The identifier of a token that is made from another one: the other's, a dot, and one of its own.
    ///
    /// So a token says what it descends from, and is revoked with it (RFC 7009 section 2.1), without a claim that no
    /// standard has. Base64url has no dot.
    package static func descendant(of parent: String, named name: String) -> String { "\(parent).\(name)" }
}
