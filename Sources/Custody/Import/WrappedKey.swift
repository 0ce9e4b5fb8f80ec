import CLibcrypto
import Crypto
import CryptoExtras
package import StrictEncoding

/// A private key on its way into a token: AES-256 wrapped to the transport key, and the key wrapped with that.
///
/// The layout is that of CKM_RSA_AES_KEY_WRAP (PKCS#11 v3.0 section 2.1.21): an RSA-OAEP block of the AES key, then AES key
/// wrap with padding (RFC 5649) of PKCS#8. Nothing but the token that holds the transport key opens it.
package struct WrappedKey: Sendable, Equatable {
    private static let format = "vault-wrapped-key/1"
    /// The longest file that is read, in bytes.
    package static let maximumBytes = 65_536

    /// Hash of the offer it was wrapped for.
    package let offer: String
    /// The public key that the token must be able to sign for afterwards.
    package let jwk: JSONObject
    /// The RSA-OAEP block of the AES key.
    package let wrappedKey: [UInt8]
    /// The wrapped PKCS#8.
    package let wrapped: [UInt8]

    /// Wraps a key for an offer that was verified.
    package init(_ key: PrivateKeyFile, for offer: TransportOffer) throws(CustodyError) {
        let secret = try LockedBytes.random(count: 32)
        self.offer = offer.hash
        jwk = key.jwk
        wrappedKey = try WrappedKey.encrypt(secret, to: offer)
        wrapped = try WrappedKey.wrap(key.pkcs8, with: secret)
    }

    private static func encrypt(_ secret: LockedBytes, to offer: TransportOffer) throws(CustodyError) -> [UInt8] {
        try KeyEncryptionRecipient(jwk: offer.jwk, algorithm: offer.algorithm).encrypt(secret)
    }

    private static func wrap(_ plain: LockedBytes, with secret: LockedBytes) throws(CustodyError) -> [UInt8] {
        var room = [UInt8](repeating: 0, count: (plain.count + 7) / 8 * 8 + 8)
        // Safety: both secrets are lent for the length of the call, and the room is as long as RFC 5649 needs.
        let count = unsafe secret.withUnsafeBytes { key in
            // Safety: as above.
            unsafe plain.withUnsafeBytes { plain in
                // Safety: as above; both are memory of bytes, and neither is empty.
                guard let keyBytes = unsafe key.assumingMemoryBound(to: UInt8.self).baseAddress,
                    let plainBytes = unsafe plain.assumingMemoryBound(to: UInt8.self).baseAddress
                else { return 0 }
                // Safety: as above.
                return unsafe clibcrypto_wrap_padded(keyBytes, plainBytes, plain.count, &room)
            }
        }
        guard count == room.count else { throw CustodyError(.systemRefused, "the key could not be wrapped") }
        return room
    }

    /// The file's bytes.
    package var bytes: [UInt8] {
        JSONWriter.canonical([
            "format": .string(WrappedKey.format), "offer": .string(offer), "jwk": .object(jwk),
            "wrapped_key": .string(Base64URL.string(wrappedKey)), "wrapped": .string(Base64URL.string(wrapped)),
        ]) + [0x0A]
    }

    /// Reads a file.
    package init(file: [UInt8]) throws(CustodyError) {
        guard file.count <= WrappedKey.maximumBytes else { throw CustodyError(.malformed, "the file is too long") }
        do {
            var reader = try ObjectReader(try JSONParser.parse(file))
            guard try reader.string("format") == WrappedKey.format else {
                throw reader.fault("format", "must be \(WrappedKey.format)")
            }
            offer = try reader.string("offer")
            guard let jwk = try reader.required("jwk").object else { throw reader.fault("jwk", "must be a JWK") }
            self.jwk = jwk
            guard let wrappedKey = Base64URL.decode(try reader.string("wrapped_key")),
                let wrapped = Base64URL.decode(try reader.string("wrapped"))
            else { throw reader.fault("wrapped", "must be base64url") }
            (self.wrappedKey, self.wrapped) = (wrappedKey, wrapped)
            try reader.finish()
        } catch {
            throw CustodyError(.malformed, "the wrapped key is not one: \(error)")
        }
    }
}
