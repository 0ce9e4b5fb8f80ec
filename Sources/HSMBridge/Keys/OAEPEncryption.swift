internal import Crypto
internal import CryptoExtras

/// RSA-OAEP to a public key, on the host (RFC 8017 section 7.1.1): what a token's key encryption key opens again.
package struct OAEPEncryption: Sendable {
    private let modulus: [UInt8]
    private let exponent: [UInt8]
    private let hash: OAEPHash

    /// For an RSA key; anything else, and numbers that are no key, are a mismatch.
    package init(_ publicKey: PublicKey, hash: OAEPHash) throws(HSMError) {
        guard case .rsa(let modulus, let exponent) = publicKey,
            (try? _RSA.Encryption.PublicKey(n: modulus, e: exponent)) != nil
        else { throw HSMError(.keyMismatch, context: "not an RSA public key") }
        self.modulus = modulus
        self.exponent = exponent
        self.hash = hash
    }

    /// One block, as long as the modulus; `plaintext` must fit (RFC 8017: modulus - 2 x hash - 2 bytes).
    package func encrypt(_ plaintext: [UInt8]) throws(HSMError) -> [UInt8] {
        do {
            // swift-crypto's key is not Sendable, so it is made anew: microseconds beside the operation.
            let key = try _RSA.Encryption.PublicKey(n: modulus, e: exponent)
            return Array(try key.encrypt(plaintext, padding: hash == .sha1 ? .PKCS1_OAEP : .PKCS1_OAEP_SHA256))
        } catch {
            throw HSMError(.keyMismatch, context: "\(plaintext.count) bytes do not fit the RSA key")
        }
    }
}
