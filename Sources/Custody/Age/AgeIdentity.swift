import Crypto

/// The private half of an age recipient.
package final class AgeIdentity: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private static let prefix = "age-secret-key-"

    let key: LockedBytes
    package let recipient: AgeRecipient

    /// Always `<redacted>`.
    package var description: String { "<redacted>" }
    /// Always `<redacted>`.
    package var debugDescription: String { "<redacted>" }
    /// Shows no members.
    package var customMirror: Mirror { Mirror(self, children: [:]) }

    /// A new identity.
    package convenience init() throws(CustodyError) { try self.init(key: try LockedBytes.random(count: 32)) }

    private init(key: LockedBytes) throws(CustodyError) {
        self.key = key
        guard let secret = AgeIdentity.agreementKey(key) else {
            throw CustodyError(.malformed, "age identity: is no X25519 key")
        }
        recipient = try AgeRecipient(publicKey: Array(secret.publicKey.rawRepresentation))
    }

    /// Reads an identity file as age-keygen writes it: comments and one `AGE-SECRET-KEY-1...`.
    package convenience init(file contents: LockedBytes) throws(CustodyError) {
        let lines = AgeIdentity.lines(contents)
        guard lines.count == 1, let line = lines.first else {
            throw CustodyError(.malformed, "age identity: the file must hold exactly one AGE-SECRET-KEY-1... line")
        }
        var length: Int?
        let decoded = try LockedBytes(count: line.count) { room in
            contents.withSpan { length = Bech32.decode($0.extracting(line), prefix: AgeIdentity.prefix, into: &room) }
        }
        guard length == 32 else {
            throw CustodyError(
                .unsupported,
                "age identity: is no X25519 key (AGE-SECRET-KEY-1...). Shares are made for those alone: identities of plug-ins, or with "
                    + "a passphrase, are not supported (docs/custodians.md, \"What you hold\")")
        }
        try self.init(
            key: try LockedBytes(count: 32) { key in
                decoded.withSpan { decoded in for index in key.indices { key[index] = decoded[index] } }
            })
    }

    /// Where the lines are that are no comments.
    private static func lines(_ text: LockedBytes) -> [Range<Int>] {
        text.withSpan { span in
            var (lines, start): ([Range<Int>], Int) = ([], 0)
            for index in 0...span.count {
                guard index == span.count || span[index] == 0x0A || span[index] == 0x0D else { continue }
                if index > start, span[start] != UInt8(ascii: "#") { lines.append(start..<index) }
                start = index + 1
            }
            return lines
        }
    }

    /// The identity file: a comment with the recipient, and the key.
    package func fileContents() throws(CustodyError) -> LockedBytes {
        var raw = key.withSpan { span in span.indices.map { span[$0] } }
        var line = Bech32.encode(AgeIdentity.prefix, raw).map { (0x61...0x7A).contains($0) ? $0 - 32 : $0 }
        defer {
            LockedBytes.wipe(&raw)
            LockedBytes.wipe(&line)
        }
        return try LockedBytes(copying: Array("# public key: \(recipient)\n".utf8) + line + [0x0A])
    }

    /// What the two keys agree on, or nil for a point of low order.
    func sharedSecret(with share: [UInt8]) -> SharedSecret? {
        guard let peer = try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: share) else { return nil }
        return try? AgeIdentity.agreementKey(key)?.sharedSecretFromKeyAgreement(with: peer)
    }

    private static func agreementKey(_ key: LockedBytes) -> Curve25519.KeyAgreement.PrivateKey? {
        // Safety: the bytes are lent for the length of the call, which copies them to memory it wipes itself.
        unsafe key.withUnsafeBytes { unsafe try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: $0) }
    }
}
