/// Something for a lane to do.
enum Job: Sendable {
    /// Gets exactly one result; on the lane's thread when there is a signature.
    typealias Completion = @Sendable (Result<[UInt8], HSMError>) -> Void

    /// A signature for a caller: the hot path, without a closure of its own.
    case signature(BoundKey, message: [UInt8], deadline: ContinuousClock.Instant, completion: Completion)
    /// Anything else.
    case task(run: @Sendable (inout Lane) -> Outcome, refuse: @Sendable (HSMError) -> Void)
    /// A canary for the breaker; nobody waits for it.
    case probe

    /// What came of a task.
    struct Outcome: Sendable {
        /// Only what went well teaches how long its kind takes.
        let hasSucceeded: Bool
        /// To be done if the caller still waits.
        let release: @Sendable () -> Void

        init<Answer>(_ result: Result<Answer, HSMError>, release: @escaping @Sendable () -> Void) {
            hasSucceeded = if case .success = result { true } else { false }
            self.release = release
        }
    }

    /// Tells the caller that there will be no result.
    func refuse(_ error: HSMError) {
        switch self {
        case .signature(_, _, _, let completion): completion(.failure(error))
        case .task(_, let refuse): refuse(error)
        case .probe: break
        }
    }
}
