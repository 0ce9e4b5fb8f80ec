import Crypto

/// The public half of a note signing key, as `name+hex(key ID)+base64(type || public key)`.
///
/// Source: C2SP signed-note, "Verifier keys".
package struct VerifierKey: Sendable, Hashable, CustomStringConvertible {
    /// How signatures are made; the raw value is the signature type identifier byte.
    package enum Algorithm: UInt8, Sendable, CaseIterable {
        /// RFC 8032 over the note text; the public key has 32 bytes.
        case ed25519 = 0x01
        /// ECDSA on P-256 with SHA-256; signatures are DER, the public key is a DER SubjectPublicKeyInfo.
        case ecdsaP256 = 0x02
    }

    /// The key name: not empty, without Unicode spaces and plus signs.
    package let name: String
    /// How it signs.
    package let algorithm: Algorithm
    /// Raw for Ed25519, SubjectPublicKeyInfo for ECDSA.
    package let publicKey: [UInt8]
    /// What ties a signature line to this key; a name for it, not a strong hash.
    package let keyID: UInt32

    /// A key of the given parts; refused when the name or the key is not valid.
    package init(name: String, algorithm: Algorithm, publicKey: [UInt8]) throws(AuditLogError) {
        guard VerifierKey.isValidName(name) else { throw AuditLogError(.badKey, "the key name is not valid") }
        self.name = name
        self.algorithm = algorithm
        self.publicKey = publicKey
        keyID = VerifierKey.keyID(name: name, algorithm: algorithm, publicKey: publicKey)
        guard isUsable else { throw AuditLogError(.badKey, "the public key is not valid") }
    }

    /// Reads a vkey.
    package init(parsing text: String) throws(AuditLogError) {
        let parts = try VerifierKeyText(parsing: text)
        guard parts.type != WitnessKey.type else {
            throw AuditLogError(.badKey, "is a witness's key, which vouches for no log by itself")
        }
        guard let algorithm = Algorithm(rawValue: parts.type) else {
            throw AuditLogError(.badKey, "not a verifier key of a known type")
        }
        try self.init(name: parts.name, algorithm: algorithm, publicKey: parts.publicKey)
        guard shortID == parts.shortID else { throw AuditLogError(.badKey, "the key ID is not the key's") }
    }

    /// The same key under another name, with the key ID that goes with it: a shard's name differs from its log's.
    package func named(_ name: String) throws(AuditLogError) -> VerifierKey {
        try VerifierKey(name: name, algorithm: algorithm, publicKey: publicKey)
    }

    /// The key ID as it stands in a vkey.
    package var shortID: String { VerifierKeyText.hex(keyID) }

    /// The vkey.
    package var description: String {
        VerifierKeyText.text(name: name, keyID: keyID, type: algorithm.rawValue, publicKey: publicKey)
    }

    /// Whether `signature` is this key's over `text`.
    package func isValid(signature: [UInt8], of text: [UInt8]) -> Bool {
        switch algorithm {
        case .ed25519:
            guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey) else { return false }
            return key.isValidSignature(signature, for: text)
        case .ecdsaP256:
            guard let key = try? P256.Signing.PublicKey(derRepresentation: publicKey),
                let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature)
            else { return false }
            return key.isValidSignature(signature, for: text)
        }
    }

    /// Whether a text may name a key.
    static func isValidName(_ name: String) -> Bool {
        !name.isEmpty && name.unicodeScalars.allSatisfy { !$0.properties.isWhitespace && $0 != "+" && $0.value >= 0x20 }
    }

    private var isUsable: Bool {
        switch algorithm {
        case .ed25519: (try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey)) != nil
        case .ecdsaP256: (try? P256.Signing.PublicKey(derRepresentation: publicKey)) != nil
        }
    }

    private static func keyID(name: String, algorithm: Algorithm, publicKey: [UInt8]) -> UInt32 {
        switch algorithm {
        case .ed25519: VerifierKeyText.keyID(name: name, type: algorithm.rawValue, publicKey: publicKey)
        // "the truncated SHA-256 hash of the DER encoded public key in SPKI format"
        case .ecdsaP256: VerifierKeyText.truncatedHash(publicKey)
        }
    }
}
