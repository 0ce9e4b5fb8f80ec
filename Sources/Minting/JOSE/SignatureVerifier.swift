import Crypto
import CryptoExtras

/// Checks signatures of one key with one algorithm; made once, used for every token.
struct SignatureVerifier: Sendable {
    private enum Key: Sendable {
        case p256(P256.Signing.PublicKey)
        case rsa(_RSA.Signing.PublicKey, _RSA.Signing.Padding)
        case ed25519(Curve25519.Signing.PublicKey)
    }

    private let key: Key

    /// A verifier; refuses numbers that do not fit the algorithm or that are weak.
    init(_ material: PublicJWK.Material, algorithm: JWSAlgorithm) throws(MintingError) {
        do {
            switch (algorithm, material) {
            case (.es256, .p256(let x, let y)):
                guard x.count == 32, y.count == 32 else {
                    throw MintingError(.malformed, "coordinates of P-256 must have 32 bytes")
                }
                key = .p256(try P256.Signing.PublicKey(x963Representation: [4] + x + y))
            case (.rs256, .rsa(let n, let e)):
                try Self.check(modulus: n, exponent: e)
                key = .rsa(try _RSA.Signing.PublicKey(n: n, e: e), .insecurePKCS1v1_5)
            case (.ps256, .rsa(let n, let e)):
                try Self.check(modulus: n, exponent: e)
                key = .rsa(try _RSA.Signing.PublicKey(n: n, e: e), .PSS)
            case (.edDSA, .ed25519(let x)):
                guard x.count == 32 else { throw MintingError(.malformed, "an Ed25519 key must have 32 bytes") }
                key = .ed25519(try Curve25519.Signing.PublicKey(rawRepresentation: x))
            default: throw MintingError(.unsupportedKey, "the key does not fit \(algorithm.rawValue)")
            }
        } catch let error as MintingError {
            throw error
        } catch {
            throw MintingError(.weakKey, "the public numbers are not a valid key for \(algorithm.rawValue)")
        }
    }

    private static func check(modulus: [UInt8], exponent: [UInt8]) throws(MintingError) {
        guard let first = modulus.first, first != 0, let last = modulus.last, let lead = exponent.first, lead != 0,
            let low = exponent.last
        else { throw MintingError(.malformed, "RSA numbers must not be empty or begin with zero bytes") }
        let bits = modulus.count * 8 - first.leadingZeroBitCount
        guard (2048...4096).contains(bits), last & 1 == 1 else {
            throw MintingError(.weakKey, "an RSA modulus must be odd and have 2048 to 4096 bits; this one has \(bits)")
        }
        // Up to four bytes: larger exponents are never useful and make every verification slow.
        let value = exponent.count <= 4 ? exponent.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } : 0
        guard value >= 65537, low & 1 == 1 else {
            throw MintingError(.weakKey, "an RSA exponent must be odd and from 65537 to 2^32 - 1")
        }
    }

    /// Whether `signature` is valid over `input`; the algorithm is the key's, never the caller's choice.
    ///
    /// ES256 takes r and s as 64 bytes, never DER (RFC 7518 section 3.4); zero or oversized r and s are refused by the
    /// library, which tests prove. RSA signatures must be as long as the modulus (RFC 8017 section 8.2.2).
    func isValid(_ signature: [UInt8], over input: ArraySlice<UInt8>) -> Bool {
        switch key {
        case .p256(let key):
            guard signature.count == 64, let parsed = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
            else { return false }
            return key.isValidSignature(parsed, for: SHA256.hash(data: input))
        case .rsa(let key, let padding):
            let parsed = _RSA.Signing.RSASignature(rawRepresentation: signature)
            return key.isValidSignature(parsed, for: SHA256.hash(data: input), padding: padding)
        case .ed25519(let key):
            return signature.count == 64 && key.isValidSignature(signature, for: input)
        }
    }
}
