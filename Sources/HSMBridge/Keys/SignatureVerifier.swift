internal import Crypto
internal import CryptoExtras

/// Checks a token's signatures on the host, with the public key of the reference.
enum SignatureVerifier: Sendable {
    case p256(P256.Signing.PublicKey)
    case p384(P384.Signing.PublicKey)
    case ed25519(Curve25519.Signing.PublicKey)
    case rsaPKCS1(_RSA.Signing.PublicKey)
    case rsaPSS(_RSA.Signing.PublicKey)

    /// For a public key that fits the algorithm; one that is no key at all (a point off the curve) is a mismatch.
    init(_ key: PublicKey, algorithm: KeyAlgorithm) throws(HSMError) {
        try key.validate(for: algorithm)
        do {
            switch (algorithm, key) {
            case (.es256, .ec(let x, let y)): self = .p256(try .init(x963Representation: [4] + x + y))
            case (.es384, .ec(let x, let y)): self = .p384(try .init(x963Representation: [4] + x + y))
            case (.edDSA, .ed25519(let bytes)): self = .ed25519(try .init(rawRepresentation: bytes))
            case (.rs256, .rsa(let modulus, let exponent)): self = .rsaPKCS1(try .init(n: modulus, e: exponent))
            case (.ps256, .rsa(let modulus, let exponent)): self = .rsaPSS(try .init(n: modulus, e: exponent))
            default: throw HSMError(.keyMismatch, context: "not a key for \(algorithm.rawValue)")
            }
        } catch {
            throw HSMError(.keyMismatch, context: "not a public key for \(algorithm.rawValue)")
        }
    }

    /// Whether the signature, in the form JOSE uses, is right for the input.
    func accepts(_ signature: [UInt8], for input: SigningInput) -> Bool {
        switch (self, input) {
        case (.p256(let key), .sha256(let digest)):
            guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
            return key.isValidSignature(signature, for: digest)
        case (.p384(let key), .sha384(let digest)):
            guard let signature = try? P384.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
            return key.isValidSignature(signature, for: digest)
        case (.ed25519(let key), .message(let message)):
            return key.isValidSignature(signature, for: message)
        case (.rsaPKCS1(let key), .sha256(let digest)):
            return key.isValidSignature(
                _RSA.Signing.RSASignature(rawRepresentation: signature), for: digest, padding: .insecurePKCS1v1_5)
        case (.rsaPSS(let key), .sha256(let digest)):
            // swift-crypto's PSS is MGF1 with the digest's hash and a salt as long as the digest: RFC 7518 section 3.5.
            return key.isValidSignature(
                _RSA.Signing.RSASignature(rawRepresentation: signature), for: digest, padding: .PSS)
        default: return false
        }
    }
}
