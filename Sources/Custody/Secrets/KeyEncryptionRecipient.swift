import Crypto
import CryptoExtras
import StrictEncoding

/// The public half of a token's key encryption key: what is encrypted to it, that token alone opens.
struct KeyEncryptionRecipient {
    private let modulus: [UInt8]
    private let exponent: [UInt8]
    private let padding: _RSA.Encryption.Padding

    /// An RSA public key (RFC 7518 section 6.3.1) of 3072 bits or more, for `RSA-OAEP` or `RSA-OAEP-256` (section 4.3).
    init(jwk: JSONObject, algorithm: String) throws(CustodyError) {
        switch algorithm {
        case "RSA-OAEP": padding = .PKCS1_OAEP
        case "RSA-OAEP-256": padding = .PKCS1_OAEP_SHA256
        default: throw CustodyError(.unsupported, "a key encryption key must be for RSA-OAEP or RSA-OAEP-256")
        }
        guard jwk["kty"] == "RSA", let modulus = jwk["n"]?.string.flatMap({ Base64URL.decode($0) }),
            let exponent = jwk["e"]?.string.flatMap({ Base64URL.decode($0) }), modulus.count >= 384,
            (try? _RSA.Encryption.PublicKey(n: modulus, e: exponent)) != nil
        else { throw CustodyError(.malformed, "a key encryption key must be RSA of 3072 bits or more") }
        (self.modulus, self.exponent) = (modulus, exponent)
    }

    /// One RSA-OAEP block (RFC 8017 section 7.1.1) of a secret.
    func encrypt(_ secret: LockedBytes) throws(CustodyError) -> [UInt8] {
        do {
            let key = try _RSA.Encryption.PublicKey(n: modulus, e: exponent)
            var plain = secret.withSpan { span in span.indices.map { span[$0] } }
            defer { LockedBytes.wipe(&plain) }
            return Array(try key.encrypt(plain, padding: padding))
        } catch {
            throw CustodyError(.systemRefused, "the key encryption key takes no secret of \(secret.count) bytes")
        }
    }
}
