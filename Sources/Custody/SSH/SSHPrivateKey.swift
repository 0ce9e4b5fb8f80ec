import Crypto
import StrictEncoding

/// An Ed25519 private key in a file of its own: the appliance's host key, which signs activation requests.
///
/// The file is `openssh-key-v1` without a passphrase (OpenSSH PROTOCOL.key), so that `ssh-keygen` reads it too.
package struct SSHPrivateKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let key: Curve25519.Signing.PrivateKey
    package let publicKey: SSHPublicKey

    private static let magic = Array("openssh-key-v1".utf8) + [0]

    /// Always `<redacted>`.
    package var description: String { "<redacted>" }
    /// Always `<redacted>`.
    package var debugDescription: String { "<redacted>" }
    /// Shows no members.
    package var customMirror: Mirror { Mirror(self, children: [:]) }

    /// A new key.
    package init() throws(CustodyError) { try self.init(key: Curve25519.Signing.PrivateKey()) }

    private init(key: Curve25519.Signing.PrivateKey) throws(CustodyError) {
        self.key = key
        var blob = SSHWriter()
        blob.append(string: Array(SSHPublicKey.Algorithm.ed25519.rawValue.utf8))
        blob.append(string: Array(key.publicKey.rawRepresentation))
        publicKey = try SSHPublicKey(blob: blob.bytes)
    }

    /// Reads a key file's contents; other types and keys with a passphrase are refused.
    package init(file contents: LockedBytes) throws(CustodyError) {
        var text = contents.withSpan { span in span.indices.map { span[$0] } }
        defer { LockedBytes.wipe(&text) }
        guard text.count <= SSHSignature.maximumBytes else { throw CustodyError(.malformed, "host key: is too long") }
        var bytes = try Armor.sshPrivateKey.decode(text)
        defer { LockedBytes.wipe(&bytes) }
        var reader = SSHReader(bytes)
        guard try reader.bytes(SSHPrivateKey.magic.count) == SSHPrivateKey.magic else {
            throw CustodyError(.malformed, "host key: is no OpenSSH private key")
        }
        guard try reader.text() == "none", try reader.text() == "none", try reader.string().isEmpty,
            try reader.uint32() == 1
        else { throw CustodyError(.unsupported, "host key: must be one key without a passphrase") }
        let publicBlob = try reader.string()
        var inner = SSHReader(try reader.string())
        try reader.finish()
        guard try inner.uint32() == inner.uint32() else { throw CustodyError(.malformed, "host key: is damaged") }
        guard try inner.text() == SSHPublicKey.Algorithm.ed25519.rawValue else {
            throw CustodyError(.unsupported, "host key: must be Ed25519")
        }
        let publicBytes = try inner.string()
        var secret = try inner.string()
        defer { LockedBytes.wipe(&secret) }
        guard secret.count == 64, Array(secret[32...]) == publicBytes,
            let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: secret[..<32])
        else { throw CustodyError(.malformed, "host key: is damaged") }
        try self.init(key: key)
        guard publicKey.blob == publicBlob else { throw CustodyError(.malformed, "host key: is damaged") }
    }

    /// The file's contents; `check` is any random number.
    package func fileContents(check: UInt32) throws(CustodyError) -> LockedBytes {
        var inner = SSHWriter()
        inner.append(uint32: check)
        inner.append(uint32: check)
        inner.append(string: Array(SSHPublicKey.Algorithm.ed25519.rawValue.utf8))
        inner.append(string: Array(key.publicKey.rawRepresentation))
        inner.append(string: Array(key.rawRepresentation) + Array(key.publicKey.rawRepresentation))
        inner.append(string: Array("vault-appliance".utf8))
        var padding: UInt8 = 1
        while inner.bytes.count % 8 != 0 {
            inner.append(raw: [padding])
            padding += 1
        }
        var outer = SSHWriter()
        outer.append(raw: SSHPrivateKey.magic)
        for text in ["none", "none", ""] { outer.append(string: Array(text.utf8)) }
        outer.append(uint32: 1)
        outer.append(string: publicKey.blob)
        outer.append(string: inner.bytes)
        var text = Armor.sshPrivateKey.encode(outer.bytes)
        defer { LockedBytes.wipe(&text) }
        return try LockedBytes(copying: text)
    }

    /// An armored signature over `message` for `namespace`, as `ssh-keygen -Y sign` would write it.
    package func sign(_ message: [UInt8], namespace: String) throws(CustodyError) -> String {
        let hash = SSHSignature.HashAlgorithm.sha512
        let data = SSHSignature.signedData(
            namespace: namespace, reserved: [], hash: hash, digest: hash.digest(message))
        guard let raw = try? key.signature(for: data) else {
            throw CustodyError(.systemRefused, "the host key made no signature")
        }
        var signature = SSHWriter()
        signature.append(string: Array(SSHPublicKey.Algorithm.ed25519.rawValue.utf8))
        signature.append(string: Array(raw))
        return String(
            decoding: SSHSignature.armored(
                publicKey: publicKey, namespace: namespace, hash: hash, signature: signature.bytes), as: UTF8.self)
    }
}
