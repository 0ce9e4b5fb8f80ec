import StrictEncoding
import Synchronization

/// Where the two threads write what `AuditLog.status` reads.
final class StatusBoard: Sendable {
    private struct State {
        var status = LogStatus()
        /// Since when leaves have waited for a checkpoint; nil while all are covered.
        var uncoveredSince: ContinuousClock.Instant?
    }

    private let state = Mutex(State())

    /// The state at this moment.
    func snapshot() -> LogStatus {
        state.withLock { state in
            var status = state.status
            if let since = state.uncoveredSince {
                status.isCheckpointStale = ContinuousClock.now - since > status.checkpointInterval * 10
            }
            return status
        }
    }

    /// What a log was opened with.
    func opened(size: UInt64, checkpoint: Checkpoint?, at time: UnixTime?, interval: Duration) {
        state.withLock { state in
            state.status.size = size
            state.status.checkpoint = checkpoint
            state.status.checkpointTime = time
            state.status.checkpointInterval = interval
            state.uncoveredSince = size > checkpoint?.size ?? 0 ? .now : nil
        }
    }

    /// A batch is durable.
    func committed(size: UInt64, leaves: Int, latency: Duration) {
        state.withLock { state in
            let count = Double(leaves)
            state.status.size = size
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
