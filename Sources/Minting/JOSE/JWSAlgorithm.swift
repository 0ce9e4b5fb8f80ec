/// The signature algorithms in use.
///
/// Source: RFC 7518 section 3.1, RFC 8037 section 3.1.
package enum JWSAlgorithm: String, Sendable, Hashable, CaseIterable {
    /// ECDSA with P-256 and SHA-256.
    case es256 = "ES256"
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    case rs256 = "RS256"
    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes.
    case ps256 = "PS256"
    /// Ed25519; no other Edwards curve is supported.
    case edDSA = "EdDSA"

    /// Whether `name`, read from a header or a JWK, means this algorithm.
    ///
    /// Exact and case-sensitive. `Ed25519` (RFC 9864 section 2.2) is the fully-specified name of what `EdDSA` means here,
    /// so it is accepted wherever `EdDSA` is; what we write says `EdDSA`, which more verifiers know.
    func isNamed(_ name: String) -> Bool {
        name.utf8.elementsEqual(rawValue.utf8) || (self == .edDSA && name.utf8.elementsEqual("Ed25519".utf8))
    }

    /// The algorithm that `name` means.
    init?(anyName name: String) {
        guard let algorithm = Self.allCases.first(where: { $0.isNamed(name) }) else { return nil }
        self = algorithm
    }
}
