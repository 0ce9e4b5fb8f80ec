/// Opens what was encrypted to its public key with RSA-OAEP (RFC 8017 section 7.1.2): data keys of sealed secrets.
///
/// It has no way to sign, and its plaintexts are lent, never handed out: whoever opens a secret keeps what is derived.
package struct KeyEncryptionKey: Sendable {
    let key: BoundKey
    let pool: LanePool

    /// Which key it is.
    package var reference: KeyReference { key.reference }

    /// Decrypts in the token and lends the plaintext to `open`, on the lane's own thread; it is wiped when `open` returns,
    /// so `open` must be quick and must not copy it to memory that stays.
    ///
    /// `undecryptable` when the token works and this ciphertext is not for this key, or was changed.
    package func decrypt<Answer: Sendable>(
        _ ciphertext: [UInt8], deadline: ContinuousClock.Instant,
        open: @escaping @Sendable (Span<UInt8>) -> Answer
    ) async throws(HSMError) -> Answer {
        try await run(deadline: deadline) { lane in lane.decrypt(ciphertext, with: self.key, until: deadline, open) }
    }

    /// What the host encrypts comes back: the key works.
    func prove(deadline: ContinuousClock.Instant) async throws(HSMError) {
        guard case .roundTrip(let encryption) = key.proof else {
            throw HSMError(.purposeConflict, context: reference.label)
        }
        let ciphertext = try encryption.encrypt(Lane.canary)
        let isRight = try await decrypt(ciphertext, deadline: deadline) { plaintext in
            plaintext.count == Lane.canary.count && plaintext.indices.allSatisfy { plaintext[$0] == Lane.canary[$0] }
        }
        guard isRight else { throw HSMError(.keyMismatch, context: "\(reference.label): another private key") }
    }

    private func run<Answer: Sendable>(
        deadline: ContinuousClock.Instant,
        _ body: @escaping @Sendable (inout Lane) -> Result<Answer, HSMError>
    ) async throws(HSMError) -> Answer {
        let result = await withCheckedContinuation { (answer: CheckedContinuation<Result<Answer, HSMError>, Never>) in
            let job = Job.task(
                run: { lane in
                    let result = body(&lane)
                    return Job.Outcome(result) { answer.resume(returning: result) }
                },
                refuse: { answer.resume(returning: .failure($0)) })
            pool.submit(job, workClass: key.purpose.workClass, kind: .decryption, deadline: deadline)
        }
        return try result.get()
    }
}
