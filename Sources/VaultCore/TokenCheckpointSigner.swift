package import AuditLog
import Crypto
package import Custody
import HSMBridge

/// Signs the log's checkpoints with a key of the manifest that signs nothing else, whenever its token can.
package struct TokenCheckpointSigner: CheckpointSigner {
    package let verifierKey: VerifierKey
    private let key: ManifestKey
    private let hsms: HSMGroup

    /// A signer named after the log's origin (C2SP tlog-checkpoint: the key name should be the origin).
    ///
    /// Ed25519 where the token has it, else ECDSA on P-256: the two kinds of key that signed notes know.
    package init(_ key: ManifestKey, of hsms: HSMGroup, origin: String) throws {
        self.key = key
        self.hsms = hsms
        switch (KeyAlgorithm(rawValue: key.algorithm), PublicKey(jwk: key.jwk)) {
        case (.edDSA, .ed25519(let publicKey)):
            verifierKey = try VerifierKey(name: origin, algorithm: .ed25519, publicKey: publicKey)
        case (.es256, .ec(let x, let y)):
            let publicKey = try P256.Signing.PublicKey(x963Representation: [4] + x + y)
            verifierKey = try VerifierKey(
                name: origin, algorithm: .ecdsaP256, publicKey: Array(publicKey.derRepresentation))
        default: throw AuditLogError(.badKey, "the checkpoint key must be EdDSA or ES256")
        }
    }

    /// Whether it signs; the others are trusted for what they have signed.
    var isActive: Bool { key.state == .active }

    /// The signature of a note's text: raw for Ed25519, DER for ECDSA.
    package func sign(_ text: [UInt8]) async throws -> [UInt8] {
        guard let bound = hsms.keys.checkpoints.first(where: { $0.manifest.kid == key.kid }) else {
            throw AuditLogError(.notSigned, "its token is not open")
        }
        return try await bound.hsm.sign(text, deadline: .now + .seconds(5))
    }
}
