import Crypto
import Foundation
package import StrictEncoding

/// The envelope of a secret: AES-256-GCM under a data key that is wrapped to every token's key encryption key.
///
/// The person's signature covers all but the wrapped data keys, so that a ceremony may wrap them to other tokens. Which data
/// key they must be is in the signed part (`commitment`), and which envelope is the current one is in the audit log.
package struct SealedSecret: Sendable, Equatable {
    /// The only format there is.
    package static let format = "vault-envelope/1"
    /// The longest value, in bytes.
    package static let longestValue = 65_536
    /// The longest envelope that is read, in bytes.
    package static let maximumBytes = 1 << 18

    /// Name of the secret, as `Manifest.isName` wants it.
    package let name: String
    /// Counts from 1; each rotation adds one.
    package let version: Int64
    package let appliance: String
    /// Version of the manifest whose tokens it was sealed to.
    package let manifest: Int64
    package let created: UnixTime
    /// Says which data key it is, without helping to find it.
    let commitment: [UInt8]
    let nonce: [UInt8]
    /// Ciphertext and tag.
    let ciphertext: [UInt8]
    /// The data key, wrapped for one token after the other.
    package internal(set) var keys: [WrappedDataKey]
    /// SSHSIG of a person over `signedBytes`; nil under development custody.
    package var signature: String?

    /// Seals a value to the recipients under a data key of its own, which nobody keeps.
    package init(
        sealing value: LockedBytes, name: String, version: Int64, appliance: String, manifest: Int64,
        recipients: [SecretRecipient], now: UnixTime
    ) throws(CustodyError) {
        guard Manifest.isName(name) else {
            throw CustodyError(.malformed, "the name of a secret has 1 to 64 of a-z, 0-9, '.', '_' and '-'")
        }
        guard (1...SealedSecret.longestValue).contains(value.count) else {
            throw CustodyError(.malformed, "a secret has 1 to \(SealedSecret.longestValue) bytes")
        }
        guard !recipients.isEmpty else { throw CustodyError(.unsupported, "no token has a key encryption key") }
        let dataKey = try LockedBytes.random(count: 32)
        let fields = Fields(name: name, version: version, appliance: appliance, manifest: manifest, created: now)
        let sealed = try fields.seal(value, under: dataKey)
        (self.name, self.version, self.appliance, self.manifest) = (name, version, appliance, manifest)
        created = UnixTime(seconds: now.seconds)
        (commitment, nonce, ciphertext) = sealed
        var keys: [WrappedDataKey] = []
        for recipient in recipients { keys.append(try recipient.wrap(dataKey)) }
        self.keys = keys
    }

    /// What binds the value to its place.
    struct Fields {
        let name: String
        let version: Int64
        let appliance: String
        let manifest: Int64
        let created: UnixTime

        /// The additional authenticated data.
        var context: [UInt8] {
            JSONWriter.canonical([
                "format": .string(SealedSecret.format), "name": .string(name), "version": .integer(version),
                "appliance": .string(appliance), "manifest": .integer(manifest),
                "created": .string(UnixTime(seconds: created.seconds).rfc3339),
            ])
        }

        func seal(
            _ value: LockedBytes, under dataKey: LockedBytes
        ) throws(CustodyError) -> (commitment: [UInt8], nonce: [UInt8], ciphertext: [UInt8]) {
            // Safety: both are lent for the length of the call; the key is copied to memory that wipes itself.
            let key = unsafe dataKey.withUnsafeBytes { unsafe SymmetricKey(data: $0) }
            let context = context
            // Safety: as above.
            let box = unsafe value.withUnsafeBytes { unsafe try? AES.GCM.seal($0, using: key, authenticating: context) }
            guard let box else { throw CustodyError(.systemRefused, "the secret could not be sealed") }
            return (
                SealedSecret.commitment(to: key, context: context), Array(box.nonce), Array(box.ciphertext + box.tag)
            )
        }
    }

    private var fields: Fields {
        Fields(name: name, version: version, appliance: appliance, manifest: manifest, created: created)
    }

    /// GCM itself commits to no key: two data keys could open one ciphertext to two values.
    static func commitment(to key: SymmetricKey, context: [UInt8]) -> [UInt8] {
        let derived = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: key, salt: context, info: Array("vault-appliance/envelope-commitment/1".utf8),
            outputByteCount: 32)
        // Safety: the key's bytes are lent for the length of the call.
        return unsafe derived.withUnsafeBytes { unsafe Array($0) }
    }

    /// Opens the value with the data key that a token has unwrapped.
    package func open(_ dataKey: Span<UInt8>) throws(CustodyError) -> LockedBytes {
        let key = try checked(dataKey)
        guard let nonce = try? AES.GCM.Nonce(data: nonce),
            let box = try? AES.GCM.SealedBox(
                nonce: nonce, ciphertext: ciphertext.dropLast(16), tag: ciphertext.suffix(16)),
            var opened = try? AES.GCM.open(box, using: key, authenticating: fields.context)
        else { throw CustodyError(.notOpened, "the envelope of \(name) was changed") }
        defer { opened.resetBytes(in: 0..<opened.count) }
        return try LockedBytes(copying: opened)
    }

    /// The same value for other tokens: the data key is wrapped anew, and nothing else changes.
    package func rewrapped(_ dataKey: Span<UInt8>, to recipients: [SecretRecipient]) throws(CustodyError)
        -> SealedSecret
    {
        _ = try checked(dataKey)
        guard !recipients.isEmpty else { throw CustodyError(.unsupported, "no token has a key encryption key") }
        let locked = try LockedBytes(count: dataKey.count) { span in
            for index in dataKey.indices { span[index] = dataKey[index] }
        }
        var copy = self
        copy.keys = []
        for recipient in recipients { copy.keys.append(try recipient.wrap(locked)) }
        return copy
    }

    private func checked(_ dataKey: Span<UInt8>) throws(CustodyError) -> SymmetricKey {
        // Safety: the span is lent for the length of the call, which copies it to memory that wipes itself.
        let key = unsafe dataKey.withUnsafeBytes { unsafe SymmetricKey(data: $0) }
        guard dataKey.count == 32,
            Array(SealedSecret.commitment(to: key, context: fields.context)).elementsEqual(commitment)
        else {
            throw CustodyError(.notOpened, "the data key in the envelope of \(name) is not the one that was sealed")
        }
        return key
    }
}
