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
}
