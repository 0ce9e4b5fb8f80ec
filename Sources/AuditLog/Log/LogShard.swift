import Synchronization

/// One shard of the log: a directory with a tree of its own, as its only writer.
///
/// After a failed write or sync nothing more is recorded, and `onFatal` is called once.
final class LogShard: Sendable {
    /// Counts from 1.
    let number: UInt64
    private let queue: CommitQueue
    private let board: StatusBoard
    private let signers: CheckpointSigners
    private let witnesses: Witnesses?
    private let end: EndOfLog

    init(
        number: UInt64, queue: CommitQueue, board: StatusBoard, signers: CheckpointSigners, witnesses: Witnesses?,
        end: EndOfLog
    ) {
        self.number = number
        self.queue = queue
        self.board = board
        self.signers = signers
        self.witnesses = witnesses
        self.end = end
    }

    deinit { queue.close() }

    /// Takes an entry for the commit thread, or says why not.
    func add(_ entry: PendingEntry, usesReserve: Bool) -> AuditLogError? {
        if entry.needsCheckpoints, let refusal = board.overdue { return queue.failure ?? refusal }
        return queue.add(entry, usesReserve: usesReserve)
    }

    /// Whether nothing may be released for want of a checkpoint.
    var isCheckpointOverdue: Bool { board.overdue != nil }

    /// The state at this moment.
    var status: LogStatus {
        var status = board.snapshot()
        status.pending = queue.count
        status.failure = queue.failure
        status.signerProblems = signers.problems
        status.shard = number
        if let witnesses {
            status.witnesses = witnesses.standings
            (status.witnessedSize, status.witnessLag) = witnesses.witnessed
        }
        return status
    }

    /// Takes nothing more, commits what waits, makes the last checkpoint and lets another writer in.
    ///
    /// Throws `failed` when the log had failed, and `notSigned` when the last checkpoint could not be had; the entries
    /// are in the journal then, and the next start covers them.
    func close() async throws(AuditLogError) {
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
