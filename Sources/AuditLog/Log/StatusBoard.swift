import StrictEncoding
import Synchronization

/// Where the two threads write what `AuditLog.status` reads.
final class StatusBoard: Sendable {
    private struct State {
        var status = LogStatus()
        /// Since when leaves have waited for a checkpoint; nil while all are covered.
        var uncoveredSince: ContinuousClock.Instant?
        /// Since when a batch is being written; nil while none is.
        var commitSince: ContinuousClock.Instant?
        /// Bytes appended since the log was opened.
        var bytes = 0
        var opened = ContinuousClock.now
        var headroom: Int64 = 0
        var patience = Duration.zero

        /// For how long leaves have waited for a checkpoint.
        var lag: Duration { uncoveredSince.map { .now - $0 } ?? .zero }

        /// Whether that is too long for anything to be released.
        var isOverdue: Bool { lag > max(patience, status.checkpointInterval * 10) }
    }

    /// What an entry costs on the disk besides its own bytes: its length and its hash, at all levels.
    private static let bytesPerLeaf = 2 + 33
    /// A batch that takes longer has met a disk that hangs.
    private static let diskPatience = Duration.seconds(3)
    /// Before this long no pace is told.
    private static let shortestPace = Duration.seconds(60)

    private let state = Mutex(State())

    /// The state at this moment.
    func snapshot() -> LogStatus {
        state.withLock { state in
            var status = state.status
            status.isCheckpointStale = state.lag > status.checkpointInterval * 10
            status.isCheckpointOverdue = state.isOverdue
            if let since = state.commitSince {
                let wait = ContinuousClock.now - since
                status.diskWait = wait > StatusBoard.diskPatience ? wait : nil
            }
            StatusBoard.foresee(&status, state)
            return status
        }
    }

    /// Why nothing may be released now for want of a checkpoint; nil when it may.
    var overdue: AuditLogError? {
        guard state.withLock({ $0.isOverdue }) else { return nil }
        return AuditLogError(
            .notSigned, "no checkpoint could be signed for too long, so nothing is issued until one is")
    }

    /// There is nobody to sign: from when there is, checkpoints are waited for.
    func hasNoSigner() {
        state.withLock { state in
            if state.uncoveredSince != nil { state.uncoveredSince = .now }
        }
    }

    /// How long the disk lasts if the log goes on as it did since it was opened.
    private static func foresee(_ status: inout LogStatus, _ state: State) {
        let elapsed = ContinuousClock.now - state.opened
        guard elapsed >= shortestPace, state.bytes > 0 else { return }
        let pace = Double(state.bytes) / (elapsed / .seconds(1)) * 86_400
        status.bytesPerDay = Int64(pace)
        guard let free = status.diskFree else { return }
        status.daysLeft = Int64(Double(max(0, free - state.headroom)) / pace)
    }

    /// What a log was opened with.
    func opened(_ recovered: LogRecovery.Result, size: UInt64, options: AuditLogOptions) {
        let checkpoint = recovered.checkpoint
        state.withLock { state in
            state.opened = .now
            state.headroom = options.headroom
            state.patience = options.checkpointPatience
            state.status.firstTime = recovered.firstTime
            state.status.lastTime = recovered.lastTime
            state.status.size = size
            state.status.checkpoint = checkpoint
            state.status.checkpointTime = recovered.checkpointTime
            state.status.checkpointInterval = options.checkpointInterval
            state.uncoveredSince = size > checkpoint?.size ?? 0 ? .now : nil
        }
    }

    /// A batch is about to be written.
    func began(at time: ContinuousClock.Instant) { state.withLock { $0.commitSince = time } }

    /// A batch was not written.
    func ended() { state.withLock { $0.commitSince = nil } }

    /// A batch is durable.
    func committed(size: UInt64, leaves: Int, bytes: Int, time: UnixTime, latency: Duration) {
        state.withLock { state in
            state.commitSince = nil
            state.bytes += bytes + leaves * StatusBoard.bytesPerLeaf
            state.status.firstTime = state.status.firstTime ?? time
            state.status.lastTime = time
            state.status.clockProblem = nil
            let count = Double(leaves)
            state.status.size = size
            state.status.syncs += 1
            state.status.leavesPerSync =
                state.status.syncLatency == nil ? count : state.status.leavesPerSync * 0.9 + count * 0.1
            state.status.syncLatency = StatusBoard.smoothed(state.status.syncLatency, latency)
            state.uncoveredSince = state.uncoveredSince ?? .now
        }
    }

    /// A checkpoint is in place.
    func published(_ checkpoint: Checkpoint, at time: UnixTime, latency: Duration, interval: Duration) {
        state.withLock { state in
            state.status.checkpoint = checkpoint
            state.status.checkpointTime = time
            state.status.signatureLatency = latency
            state.status.checkpointInterval = interval
            state.status.checkpointProblem = nil
            state.uncoveredSince = state.status.size > checkpoint.size ? .now : nil
        }
    }

    /// An attempt at a checkpoint gave none.
    func notPublished(_ problem: AuditLogError) {
        state.withLock { $0.status.checkpointProblem = problem }
    }

    /// The clock was refused.
    func refused(_ problem: AuditLogError) {
        state.withLock { $0.status.clockProblem = problem }
    }

    /// The record outside the log was written, or could not be.
    func recorded(_ problem: AuditLogError?) {
        state.withLock { $0.status.recordProblem = problem }
    }

    /// The disk was asked.
    func measured(free: Int64?, room: DiskRoom) {
        state.withLock { state in
            state.status.diskFree = free
            state.status.room = room
        }
    }

    /// An exponentially weighted mean.
    static func smoothed(_ mean: Duration?, _ sample: Duration) -> Duration {
        mean.map { $0 * 0.8 + sample * 0.2 } ?? sample
    }
}
