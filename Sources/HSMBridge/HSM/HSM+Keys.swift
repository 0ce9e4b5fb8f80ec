internal import Synchronization

extension HSM {
    /// The key for issuing credentials that the reference names.
    package func signingKey(_ reference: KeyReference) async throws(HSMError) -> SigningKey {
        SigningKey(key: try await bind(reference, to: .signing), pool: pool)
    }

    /// The key for checkpoints of the audit log that the reference names.
    package func checkpointKey(_ reference: KeyReference) async throws(HSMError) -> CheckpointKey {
        CheckpointKey(key: try await bind(reference, to: .checkpoint), pool: pool)
    }

    /// The key of a TLS listener that the reference names.
    package func tlsKey(_ reference: KeyReference) async throws(HSMError) -> TLSKey {
        TLSKey(key: try await bind(reference, to: .tls), pool: pool)
    }

    /// The key encryption key that the reference names.
    package func keyEncryptionKey(_ reference: KeyReference) async throws(HSMError) -> KeyEncryptionKey {
        KeyEncryptionKey(key: try await bind(reference, to: .kek), pool: pool)
    }

    /// What the host encrypts comes back: the key works.
    package func canary(
        _ key: KeyEncryptionKey, deadline: ContinuousClock.Instant = .now + .seconds(5)
    ) async throws(HSMError) {
        try await key.prove(deadline: deadline)
    }

    /// Makes a key sign something that is never released and checks it on the host: the key works.
    package func canary(
        _ key: some TokenKey, deadline: ContinuousClock.Instant = .now + .seconds(5)
    ) async throws(HSMError) {
        _ = try await key.sign(Lane.canary, deadline: deadline)
    }

    /// Finds the key, compares it with the reference and lets it prove itself; each key has one purpose.
    private func bind(_ reference: KeyReference, to purpose: KeyPurpose) async throws(HSMError) -> BoundKey {
        guard (reference.algorithm.oaepHash != nil) == (purpose == .kek) else {
            throw HSMError(.purposeConflict, context: reference.label)
        }
        if let key = try bound(reference, to: purpose) { return key }
        let (profile, quarantine) = (profile, configuration.quarantine)
        let key = try await perform { (session) throws(HSMError) in
            try BoundKey(reference, purpose: purpose, in: session, profile: profile, quarantine: quarantine)
        }
        // From here on a login that ends its handle makes it forget that.
        pool.watch(over: key)
        do throws(HSMError) {
            try await prove(key)
        } catch {
            pool.forget(key)
            throw error
        }
        let first = keys.withLock { keys in
            let first = keys[reference.id] ?? key
            keys[reference.id] = first
            return first
        }
        if first !== key { pool.forget(key) }
        return try bound(reference, to: purpose) ?? first
    }

    private func prove(_ key: BoundKey) async throws(HSMError) {
        // It is bound, so that status names it and the token's other keys go on; it signs nothing.
        guard !key.isQuarantined else { return }
        if key.purpose == .kek {
            try await KeyEncryptionKey(key: key, pool: pool).prove(deadline: .now + .seconds(30))
        } else {
            try await canary(SigningKey(key: key, pool: pool), deadline: .now + .seconds(30))
        }
    }

    private func bound(_ reference: KeyReference, to purpose: KeyPurpose) throws(HSMError) -> BoundKey? {
        guard let key = keys.withLock({ $0[reference.id] }) else { return nil }
        guard key.reference == reference else { throw HSMError(.keyMismatch, context: reference.label) }
        guard key.purpose == purpose else { throw HSMError(.purposeConflict, context: reference.label) }
        return key
    }
}
