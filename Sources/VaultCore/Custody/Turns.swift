import Synchronization

/// Lets one piece of work after the other happen, in the order in which they came.
final class Turns: Sendable {
    private let last = Mutex<(task: Task<Void, Never>?, count: Int)>((nil, 0))

    /// How many have come so far.
    var count: Int { last.withLock { $0.count } }

    /// Runs the work when all before it is done.
    func take<Answer: Sendable>(
        _ work: @escaping @Sendable () async throws -> Answer
    ) async throws -> Answer {
        let task = last.withLock { last in
            let before = last.task
            let task = Task {
                await before?.value
                return try await work()
            }
            last = (Task { _ = try? await task.value }, last.count + 1)
            return task
        }
        return try await task.value
    }
}
