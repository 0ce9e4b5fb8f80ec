/// Signs CertificateVerify contents (RFC 8446 section 4.4.3); ECDSA signatures are DER, and lane time is limited.
package struct TLSKey: TokenKey {
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
