/// Signs checkpoints: a key in the HSM in production, a software key in tests.
package protocol CheckpointSigner: Sendable {
    /// What verifies the signatures; its name is the log's origin.
    var verifierKey: VerifierKey { get }

    /// The signature over `text` in the form the verifier key's algorithm has in notes: raw for Ed25519, DER for ECDSA.
    ///
    /// The log gives no deadline: an implementation bounds its own waits and throws.
    func sign(_ text: [UInt8]) async throws -> [UInt8]
}
