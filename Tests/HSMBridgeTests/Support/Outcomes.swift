import Synchronization

@testable import HSMBridge

/// Collects what completions were told, from any thread.
final class Outcomes: Sendable {
    private struct State {
        var errors: [HSMError] = []
        var signatures = 0
        var waiting: (count: Int, continuation: CheckedContinuation<Void, Never>)?
    }

    private let state = Mutex(State())

    var errors: [HSMError] { state.withLock { $0.errors } }
    var signatures: Int { state.withLock { $0.signatures } }

    func add(_ result: Result<[UInt8], HSMError>) {
        let continuation: CheckedContinuation<Void, Never>? = state.withLock { state in
            switch result {
            case .success: state.signatures += 1
            case .failure(let error): state.errors.append(error)
            }
            guard let waiting = state.waiting, state.errors.count + state.signatures >= waiting.count else {
                return nil
            }
            state.waiting = nil
            return waiting.continuation
        }
        continuation?.resume()
    }

    /// Returns once so many have been told.
    func wait(for count: Int) async {
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if state.errors.count + state.signatures >= count { return true }
                state.waiting = (count, continuation)
                return false
            }
            if isDone { continuation.resume() }
        }
    }
}
