package import AuditLog
package import HSMBridge

/// Signs the log's checkpoints with a key of the token that signs nothing else.
package struct TokenCheckpointSigner: CheckpointSigner {
    package let verifierKey: VerifierKey
    private let key: CheckpointKey

    /// A signer named after the log's origin (C2SP tlog-checkpoint: the key name should be the origin).
    package init(key: CheckpointKey, origin: String) throws {
        self.key = key
        guard case .ed25519(let publicKey) = key.reference.publicKey else {
            throw AuditLogError(.badKey, "the checkpoint key must be Ed25519")
        }
        verifierKey = try VerifierKey(name: origin, algorithm: .ed25519, publicKey: publicKey)
    }

    /// The Ed25519 signature of a note's text.
    package func sign(_ text: [UInt8]) async throws -> [UInt8] {
        try await key.sign(text, deadline: .now + .seconds(5))
    }
}
