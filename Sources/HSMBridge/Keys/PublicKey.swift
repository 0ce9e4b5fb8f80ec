/// A public key as plain numbers: what a manifest, a JWK and a token must agree on.
package enum PublicKey: Sendable, Hashable {
    /// A point of P-256 or P-384; coordinates of 32 or 48 bytes, big-endian (RFC 7518 section 6.2.1).
    case ec(x: [UInt8], y: [UInt8])
    /// An Ed25519 key of 32 bytes (RFC 8032 section 5.1.5).
    case ed25519([UInt8])
    /// Modulus and public exponent, big-endian, without leading zeros (RFC 7518 section 6.3.1).
    case rsa(modulus: [UInt8], exponent: [UInt8])

    /// A point in the uncompressed form of SEC 1 section 2.3.3; nil when its length fits no curve of ours.
    package init?(uncompressedPoint point: [UInt8]) {
        guard point.count == 65 || point.count == 97, point[0] == 4 else { return nil }
        let half = (point.count - 1) / 2
        self = .ec(x: Array(point[1...half]), y: Array(point[(half + 1)...]))
    }

    /// Refuses a key that does not fit the algorithm (`keyMismatch`) or is weak (`weakKey`).
    package func validate(for algorithm: KeyAlgorithm) throws(HSMError) {
        switch (algorithm, self) {
        case (.es256, .ec(let x, let y)) where x.count == 32 && y.count == 32: return
        case (.es384, .ec(let x, let y)) where x.count == 48 && y.count == 48: return
        case (.edDSA, .ed25519(let key)) where key.count == 32: return
        case (.rs256, .rsa(let modulus, let exponent)), (.ps256, .rsa(let modulus, let exponent)),
            (.rsaOAEP, .rsa(let modulus, let exponent)), (.rsaOAEP256, .rsa(let modulus, let exponent)):
            guard let first = modulus.first, first != 0 else { throw HSMError(.keyMismatch, context: "RSA modulus") }
            let bits = modulus.count * 8 - first.leadingZeroBitCount
            let shortest = algorithm.oaepHash == nil ? 2048 : KeySpecification.shortestKeyEncryptionKey
            guard bits >= shortest else { throw HSMError(.weakKey, context: "RSA of \(bits) bits") }
            guard exponent == [1, 0, 1] else { throw HSMError(.weakKey, context: "RSA exponent other than 65537") }
        default: throw HSMError(.keyMismatch, context: "not a key for \(algorithm.rawValue)")
        }
    }

    /// An unsigned number without leading zeros.
    static func trimmed(_ number: [UInt8]) -> [UInt8] { Array(number.drop { $0 == 0 }) }
}
