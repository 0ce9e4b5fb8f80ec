/// Signs checkpoints of the audit log; the form of signatures is that of `SigningKey`.
package struct CheckpointKey: TokenKey {
    let path: SigningPath

    init(key: BoundKey, pool: LanePool) { path = SigningPath(key: key, pool: pool) }

    /// Which key it is.
    package var reference: KeyReference { path.key.reference }

    /// Signs; see `TokenKey`.
    package func sign(
        _ message: [UInt8], deadline: ContinuousClock.Instant,
        completion: @escaping @Sendable (Result<[UInt8], HSMError>) -> Void
    ) {
        path.sign(message, deadline: deadline, completion: completion)
    }
}
