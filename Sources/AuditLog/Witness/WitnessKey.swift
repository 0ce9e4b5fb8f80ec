import Crypto
import StrictEncoding

/// The public key of a witness; Ed25519, with timestamped signatures over checkpoints.
///
/// It is no `VerifierKey`: what a witness signs must never count as the log's own signature.
/// Source: C2SP tlog-cosignature, "Format".
package struct WitnessKey: Sendable, Hashable, CustomStringConvertible {
    /// The signature type identifier byte.
    static let type: UInt8 = 0x04
    private static let timeBytes = 8

    /// The key name: not empty, without Unicode spaces and plus signs.
    package let name: String
    /// 32 bytes.
    package let publicKey: [UInt8]
    /// What ties a signature line to this key.
    let keyID: UInt32

    /// A key of the given parts; refused when the name or the key is not valid.
    package init(name: String, publicKey: [UInt8]) throws(AuditLogError) {
        guard VerifierKey.isValidName(name) else { throw AuditLogError(.badKey, "the key name is not valid") }
        guard (try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey)) != nil else {
            throw AuditLogError(.badKey, "the public key is not valid")
        }
        self.name = name
        self.publicKey = publicKey
        keyID = VerifierKeyText.keyID(name: name, type: WitnessKey.type, publicKey: publicKey)
    }

    /// Reads a vkey of type 0x04.
    package init(parsing text: String) throws(AuditLogError) {
        let parts = try VerifierKeyText(parsing: text)
        guard parts.type == WitnessKey.type else {
            throw AuditLogError(.badKey, "its type is not 4, that of Ed25519 cosignatures")
        }
        try self.init(name: parts.name, publicKey: parts.publicKey)
        guard VerifierKeyText.hex(keyID) == parts.shortID else {
            throw AuditLogError(.badKey, "the key ID is not the key's")
        }
    }

    /// Reads a file of vkeys, one a line.
    package static func list(_ text: String) throws(AuditLogError) -> [WitnessKey] {
        var keys: [WitnessKey] = []
        for line in text.split(separator: "\n") { keys.append(try WitnessKey(parsing: String(line))) }
        guard !keys.isEmpty else { throw AuditLogError(.badKey, "there is no key") }
        return keys
    }

    /// The vkey.
    package var description: String {
        VerifierKeyText.text(name: name, keyID: keyID, type: WitnessKey.type, publicKey: publicKey)
    }

    /// What is signed: the time, in seconds since 1970, and the checkpoint's whole text.
    ///
    /// Source: C2SP tlog-cosignature, "Ed25519 signed message".
    static func message(_ text: [UInt8], time: UInt64) -> [UInt8] {
        Array("cosignature/v1\ntime \(time)\n".utf8) + text
    }

    /// A signature line of this key, from an Ed25519 signature over `message`.
    func line(time: UInt64, signature: [UInt8]) -> SignedNote.Signature {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: time)
        return SignedNote.Signature(name: name, keyID: keyID, bytes: bytes + signature)
    }

    /// Whether a signature line says that it is this key's.
    func isNamed(by line: SignedNote.Signature) -> Bool {
        keyID == line.keyID && name.hasSameBytes(as: line.name)
    }

    /// When this key cosigned a checkpoint's text by a line; nil when the signature is not right.
    func time(of line: SignedNote.Signature, text: [UInt8]) -> Int64? {
        guard line.bytes.count == WitnessKey.timeBytes + 64,
            let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey)
        else { return nil }
        let time = UInt64(bigEndianBytes: line.bytes.prefix(WitnessKey.timeBytes))
        let message = WitnessKey.message(text, time: time)
        guard key.isValidSignature(line.bytes.dropFirst(WitnessKey.timeBytes), for: message) else { return nil }
        // "It MUST NOT exceed 2^63 - 1"
        return Int64(exactly: time)
    }
}
