/// A bound key and the lanes that reach it: what every key of a purpose is made of.
struct SigningPath: Sendable {
    let key: BoundKey
    let pool: LanePool

    func sign(
        _ message: [UInt8], deadline: ContinuousClock.Instant, turn: UInt64 = 0, completion: @escaping Job.Completion
    ) {
        if key.isQuarantined {
            completion(.failure(HSMError(.quarantined, context: key.reference.label)))
            return
        }
        pool.submit(
            .signature(key, message: message, deadline: deadline, completion: completion),
            workClass: key.purpose.workClass, kind: .signature(key.reference.algorithm), deadline: deadline, turn: turn)
    }
}
