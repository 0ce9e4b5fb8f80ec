package import AuditLog
internal import Crypto
internal import Foundation
package import NIOCore

/// A sealed secret the front wants to use once, with the record that goes before it.
package struct OpenRequest: Sendable {
    /// What the audit log will say: `secret.opened`, with client, request id, target and secret.
    ///
    /// The core adds time, custody mode, manifest version, the secret's version and its envelope's hash.
    package var entry: Entry
    /// How long the caller can still wait.
    package var patience: Duration

    /// A request for one use of a secret.
    package init(entry: Entry, patience: Duration) {
        self.entry = entry
        self.patience = patience
    }
}

/// An opened secret whose record is durable.
package struct OpenedSecret: Sendable {
    /// The secret itself, in locked memory.
    package let value: SecretValue
    /// Which version it is.
    package let version: Int64
    /// Index of the leaf that records the use.
    package let index: UInt64

    /// An opened secret.
    package init(value: SecretValue, version: Int64, index: UInt64) {
        (self.value, self.version, self.index) = (value, version, index)
    }
}

/// How an opened secret crosses the socket: encrypted to a key that the front has made for this one call (HPKE, RFC 9180).
///
/// So the plaintext is in locked memory at both ends and in no buffer between them, which nobody could wipe.
package struct SecretPassage: Sendable {
    private static let ciphersuite = HPKE.Ciphersuite.Curve25519_SHA256_ChachaPoly
    private static let info = Data("vault-appliance/open/1".utf8)

    private let key = Curve25519.KeyAgreement.PrivateKey()

    /// A passage for one call.
    package init() {}

    /// The request as a payload.
    package func payload(_ request: OpenRequest) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeField(key.publicKey.rawRepresentation)
        let (seconds, attoseconds) = request.patience.components
        buffer.writeInteger(UInt32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000))
        buffer.writeField(request.entry.canonicalBytes)
        return buffer
    }

    /// Reads what the core answered.
    package func open(_ payload: ByteBuffer) throws(CoreError) -> OpenedSecret {
        var buffer = payload
        guard let index = buffer.readInteger(as: UInt64.self), let version = buffer.readInteger(as: Int64.self),
            let encapsulated = buffer.readField(), let ciphertext = buffer.readField(), buffer.readableBytes == 0,
            var recipient = try? HPKE.Recipient(
                privateKey: key, ciphersuite: Self.ciphersuite, info: Self.info,
                encapsulatedKey: Data(encapsulated)),
            var plain = try? recipient.open(Data(ciphertext), authenticating: Data())
        else { throw CoreError(.malformed, "an opened secret that cannot be read") }
        defer { plain.resetBytes(in: 0..<plain.count) }
        let value = SecretValue(count: plain.count) { span in
            for index in span.indices { span[index] = plain[index] }
        }
        guard let value else { throw CoreError(.saturated, "no locked memory is to be had", retryAfter: 1) }
        return OpenedSecret(value: value, version: version, index: index)
    }

    /// The core's side: reads a request, with what its answer is to be encrypted to.
    package struct Far: Sendable {
        /// What is asked for.
        package let request: OpenRequest
        private let key: Curve25519.KeyAgreement.PublicKey

        /// Reads a payload; anything but exactly these fields is refused.
        package init(payload: ByteBuffer) throws(CoreError) {
            var buffer = payload
            guard let key = buffer.readField(), let milliseconds = buffer.readInteger(as: UInt32.self),
                let entry = buffer.readField(), buffer.readableBytes == 0,
                let key = try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: key)
            else { throw CoreError(.malformed, "open: fields are missing or left over") }
            self.key = key
            request = OpenRequest(
                entry: try Entry(payload: entry), patience: .milliseconds(Int64(milliseconds)))
        }

        /// The answer as a payload.
        package func payload(_ opened: OpenedSecret) throws(CoreError) -> ByteBuffer {
            do {
                var sender = try HPKE.Sender(
                    recipientKey: key, ciphersuite: SecretPassage.ciphersuite, info: SecretPassage.info)
                // A copy that HPKE takes; overwritten before it is given back.
                var plain = opened.value.withSpan { span in Data(span.indices.map { span[$0] }) }
                defer { plain.resetBytes(in: 0..<plain.count) }
                let ciphertext = try sender.seal(plain, authenticating: Data())
                var buffer = ByteBuffer()
                buffer.writeInteger(opened.index)
                buffer.writeInteger(opened.version)
                buffer.writeField(sender.encapsulatedKey)
                buffer.writeField(ciphertext)
                return buffer
            } catch {
                throw CoreError(.malformed, "open: the answer cannot be encrypted to this key")
            }
        }
    }
}
