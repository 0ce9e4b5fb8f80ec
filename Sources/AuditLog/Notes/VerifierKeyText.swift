import Crypto
import StrictEncoding

/// A public key as notes write it: `name+hex(key ID)+base64(type || public key)`.
///
/// Source: C2SP signed-note, "Verifier keys".
struct VerifierKeyText {
    let name: String
    let shortID: Substring
    let type: UInt8
    let publicKey: [UInt8]

    /// Cuts a text into its parts; whether the ID is the key's is the caller's to check.
    init(parsing text: String) throws(AuditLogError) {
        // Base 64 has plus signs of its own, names and key IDs have none.
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let material = StandardBase64.decode(parts[2].utf8), let type = material.first else {
            throw AuditLogError(.badKey, "not a verifier key")
        }
        (name, shortID, self.type) = (String(parts[0]), parts[1], type)
        publicKey = Array(material.dropFirst())
    }

    /// The text of a key.
    static func text(name: String, keyID: UInt32, type: UInt8, publicKey: [UInt8]) -> String {
        "\(name)+\(hex(keyID))+\(StandardBase64.string([type] + publicKey))"
    }

    /// The ID of a key whose signature type is not ECDSA: SHA-256(name || 0x0A || type || key), cut to 32 bits.
    static func keyID(name: String, type: UInt8, publicKey: [UInt8]) -> UInt32 {
        truncatedHash(Array(name.utf8) + [0x0A, type] + publicKey)
    }

    /// The first 32 bits of a SHA-256.
    static func truncatedHash(_ input: [UInt8]) -> UInt32 {
        SHA256.hash(data: input).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// A key ID as it stands in the text.
    static func hex(_ keyID: UInt32) -> String {
        let digits = String(keyID, radix: 16)
        return String(repeating: "0", count: 8 - digits.utf8.count) + digits
    }
}
