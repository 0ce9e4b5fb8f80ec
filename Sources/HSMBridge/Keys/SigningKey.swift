/// Signs JWS signing inputs (RFC 7515 section 5.1); ECDSA signatures are r and s side by side (RFC 7518 section 3.4).
package struct SigningKey: TokenKey {
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

    /// Signs for a caller who may be told to come back.
    ///
    /// `turn` names the request, whoever makes it again has the same: when the answer is `saturated`, a place is kept for
    /// it at the time that is told, and whoever comes without one is let in behind. Zero names nothing.
    package func sign(
        _ message: [UInt8], deadline: ContinuousClock.Instant, turn: UInt64,
        completion: @escaping @Sendable (Result<[UInt8], HSMError>) -> Void
    ) {
        path.sign(message, deadline: deadline, turn: turn, completion: completion)
    }
}
