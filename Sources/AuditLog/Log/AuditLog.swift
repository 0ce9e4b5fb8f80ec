import Synchronization

/// The tamper-evident audit log of one directory, as its only writer.
///
/// An entry becomes a leaf of an RFC 6962 tree once it is durable in the journal. Tiles, entry bundles and signed
/// checkpoints (C2SP tlog-tiles, signed-note, tlog-checkpoint) are derived from there: every `checkpointInterval`, but
/// no more often than once in 40 times what a signature takes. After a failed write or sync nothing more is recorded,
/// and `onFatal` is called once.
package final class AuditLog: Sendable {
    private let queue: CommitQueue
    private let board: StatusBoard
    private let end: EndOfLog

    init(queue: CommitQueue, board: StatusBoard, end: EndOfLog) {
        self.queue = queue
        self.board = board
        self.end = end
    }

    deinit { queue.close() }

    /// Records an entry; `completion` is called once, when the leaf is durable or the entry was refused.
    ///
    /// It runs on the commit thread, which waits for it, or within this call when the entry is refused at once.
    package func append(_ entry: Entry, completion: @escaping @Sendable (Result<Leaf, AuditLogError>) -> Void) {
        let pending: PendingEntry
        do {
            pending = PendingEntry(prepared: try entry.prepared(), completion: completion)
        } catch {
            return completion(.failure(error))
        }
        if let refusal = queue.add(pending, usesReserve: entry.kind.usesReserve) { completion(.failure(refusal)) }
    }

    /// Records an entry and returns its leaf once that is durable.
    package func append(_ entry: Entry) async throws(AuditLogError) -> Leaf {
        let result = await withCheckedContinuation { continuation in
            append(entry) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// The log's state at this moment.
    package var status: LogStatus {
        var status = board.snapshot()
        status.pending = queue.count
        status.failure = queue.failure
        return status
    }

    /// Takes nothing more, commits what waits, makes the last checkpoint and lets another writer in.
    ///
    /// Throws `failed` when the log had failed, and `notSigned` when the last checkpoint could not be had; the entries
    /// are in the journal then, and the next start covers them.
    package func close() async throws(AuditLogError) {
        queue.close()
        await end.wait()
        let status = status
        if let failure = status.failure { throw failure }
        if status.size > status.checkpoint?.size ?? 0 {
            throw status.checkpointProblem ?? AuditLogError(.notSigned, "the last entries have no checkpoint")
        }
    }
}

/// Lets callers of `close` wait for the threads.
final class EndOfLog: Sendable {
    private struct State {
        var isReached = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Returns once the end is reached.
    func wait() async {
        await withCheckedContinuation { continuation in
            let isReached = state.withLock { state in
                if !state.isReached { state.waiting.append(continuation) }
                return state.isReached
            }
            if isReached { continuation.resume() }
        }
    }

    /// Both threads are done.
    func reach() {
        let waiting = state.withLock { state in
            state.isReached = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
