internal import Synchronization

/// Requests in flight, each of which makes the next when it ends, until the time is over.
final class BenchmarkChain: Sendable {
    typealias Completion = @Sendable (Result<Void, HSMError>) -> Void

    private let end: ContinuousClock.Instant
    private let request: @Sendable (@escaping Completion) -> Void
    private let count = Atomic(0)
    private let live = Atomic(0)
    private let failure = Mutex<HSMError?>(nil)
    private let waiting = Mutex<CheckedContinuation<Void, Never>?>(nil)

    init(until end: ContinuousClock.Instant, _ request: @escaping @Sendable (@escaping Completion) -> Void) {
        self.end = end
        self.request = request
    }

    /// How many ended well; the first failure stops them all.
    func run(inFlight: Int) async -> Result<Int, HSMError> {
        live.store(inFlight, ordering: .releasing)
        await withCheckedContinuation { continuation in
            waiting.withLock { $0 = continuation }
            for _ in 0..<inFlight { next() }
        }
        if let error = failure.withLock({ $0 }) { return .failure(error) }
        return .success(count.load(ordering: .acquiring))
    }

    private func next() { request { self.ended($0) } }

    private func ended(_ result: Result<Void, HSMError>) {
        switch result {
        case .success:
            count.add(1, ordering: .relaxed)
            if ContinuousClock.now < end, failure.withLock({ $0 }) == nil { return next() }
        case .failure(let error): failure.withLock { $0 = $0 ?? error }
        }
        guard live.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
        waiting.withLock { $0.take() }?.resume()
    }
}
