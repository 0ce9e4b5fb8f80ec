/// Keys whose signatures are verified and never believed, so that a client we do not know costs as much as one we do.
///
/// They are public constants: whoever makes a signature that one of them verifies has gained nothing.
struct DecoyKeys: Sendable {
    private let keys: [JWSAlgorithm: [PublicJWK]]
    /// Lengths of RSA moduli, in bytes; the first is for signatures of any other length.
    private static let moduli = [256, 384, 512]

    /// Keys for each algorithm.
    init() throws(MintingError) {
        var keys: [JWSAlgorithm: [PublicJWK]] = [:]
        for algorithm in JWSAlgorithm.allCases {
            let lengths = [.rs256, .ps256].contains(algorithm) ? Self.moduli : [0]
            keys[algorithm] = try lengths.map { length throws(MintingError) in
                try PublicJWK(Self.material(algorithm, length), algorithm: algorithm)
            }
        }
        self.keys = keys
        es256 = try PublicJWK(Self.material(.es256, 0), algorithm: .es256)
    }

    private let es256: PublicJWK

    /// The key for an algorithm and a signature of some length: a longer key takes longer, and one whose length is not
    /// the signature's takes no time at all.
    subscript(_ algorithm: JWSAlgorithm, signatureLength length: Int) -> PublicJWK {
        guard let keys = keys[algorithm], let first = keys.first else { return es256 }
        return Self.moduli.firstIndex(of: length).flatMap { $0 < keys.count ? keys[$0] : nil } ?? first
    }

    private static func material(_ algorithm: JWSAlgorithm, _ length: Int) -> PublicJWK.Material {
        switch algorithm {
        case .es256: .p256(x: generatorX, y: generatorY)
        case .rs256, .ps256: .rsa(n: modulus(length), e: [1, 0, 1])
        // The base point (RFC 8032 section 5.1): y is 4/5, and x is even.
        case .edDSA: .ed25519(x: [0x58] + [UInt8](repeating: 0x66, count: 31))
        }
    }

    /// The generator of P-256 (FIPS 186-5, SP 800-186 section 3.2.1.3).
    private static let generatorX: [UInt8] = [
        0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5, 0x63, 0xA4, 0x40, 0xF2,
        0x77, 0x03, 0x7D, 0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4, 0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2, 0x96,
    ]
    private static let generatorY: [UInt8] = [
        0x4F, 0xE3, 0x42, 0xE2, 0xFE, 0x1A, 0x7F, 0x9B, 0x8E, 0xE7, 0xEB, 0x4A, 0x7C, 0x0F, 0x9E, 0x16,
        0x2B, 0xCE, 0x33, 0x57, 0x6B, 0x31, 0x5E, 0xCE, 0xCB, 0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51, 0xF5,
    ]
    /// An odd number of so many bytes: a verification needs no more of it.
    private static func modulus(_ length: Int) -> [UInt8] {
        [0xC5] + (1..<length - 1).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) } + [0x0B]
    }
}
