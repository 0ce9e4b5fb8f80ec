/// A private key that stays in its token, reached through the one purpose it has.
package protocol TokenKey: Sendable {
    /// Which key it is.
    var reference: KeyReference { get }

    /// Hashes, signs in the token and verifies on the host, then calls `completion` exactly once.
    ///
    /// A signature arrives on the lane's own thread, so `completion` must be quick and must not block. A refusal arrives
    /// on the caller's thread, before the call returns, or on the thread that watches deadlines.
    func sign(
        _ message: [UInt8], deadline: ContinuousClock.Instant,
        completion: @escaping @Sendable (Result<[UInt8], HSMError>) -> Void)
}

extension TokenKey {
    /// As the other `sign`, for callers that await.
    package func sign(_ message: [UInt8], deadline: ContinuousClock.Instant) async throws(HSMError) -> [UInt8] {
        let result = await withCheckedContinuation { (answer: CheckedContinuation<Result<[UInt8], HSMError>, Never>) in
            sign(message, deadline: deadline) { answer.resume(returning: $0) }
        }
        return try result.get()
    }
}
