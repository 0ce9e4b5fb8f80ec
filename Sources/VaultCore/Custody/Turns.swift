import Synchronization

/// Lets one piece of work after the other happen, in the order in which they came.
final class Turns: Sendable {
    private let last = Mutex<Task<Void, Never>?>(nil)

    /// Runs the work when all before it is done.
    func take<Answer: Sendable>(
        _ work: @escaping @Sendable () async throws -> Answer
    ) async throws -> Answer {
        let task = last.withLock { last in
            let before = last
            let task = Task {
                await before?.value
                return try await work()
            }
            last = Task { _ = try? await task.value }
            return task
        }
        return try await task.value
    }
}
