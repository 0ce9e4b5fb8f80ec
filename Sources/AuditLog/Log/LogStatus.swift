package import StrictEncoding

/// What a log says of itself at one moment.
package struct LogStatus: Sendable {
    /// How many entries are durable.
    package var size: UInt64 = 0
    /// The last checkpoint; nil until there is one.
    package var checkpoint: Checkpoint?
    /// When that was put in place.
    package var checkpointTime: UnixTime?
    /// Whether leaves have waited for a checkpoint for ten intervals.
    package var isCheckpointStale = false
    /// Whether they have waited for so long that nothing may be released (`AuditLogOptions.checkpointPatience`).
    package var isCheckpointOverdue = false
    /// How often checkpoints are made at present.
    package var checkpointInterval: Duration = .zero
    /// How long a checkpoint's signature takes when nothing holds it up; zero before five are known.
    package var signatureLatency = Duration.zero
    /// Why the last attempt at a checkpoint gave none; nil after one that did.
    package var checkpointProblem: AuditLogError?
    /// Why the record of the last checkpoint outside the log could not be written; nil when it could.
    package var recordProblem: AuditLogError?
    /// Why single checkpoint keys do not sign, though others do.
    package var signerProblems: [String] = []
    /// How the witnesses stand; empty when there are none.
    package var witnesses: [WitnessStanding] = []
    /// The size of the last checkpoint that a quorum of them has cosigned; 0 before the first since the start.
    package var witnessedSize: UInt64 = 0
    /// For how long there has been a checkpoint without a quorum; nil while there is none.
    package var witnessLag: Duration?
    /// Why the last entry was refused for the clock's sake; nil when it was not.
    package var clockProblem: AuditLogError?
    /// Which shard is written, counted from 1.
    package var shard: UInt64 = 1
    /// The time of the first entry of this shard; nil while there is none.
    package var firstTime: UnixTime?
    /// The time of its last entry; nil while there is none.
    package var lastTime: UnixTime?
    /// How many bytes a day the log grows by at the pace since it was opened; nil in its first minute.
    package var bytesPerDay: Int64?
    /// For how many days the disk lasts at that pace until only mints are recorded; nil when that cannot be told.
    package var daysLeft: Int64?
    /// Why the log could not begin its next shard, so that this one goes on; nil when it could.
    package var rollOverProblem: AuditLogError?
    /// How many entries wait for the commit thread.
    package var pending = 0
    /// Free bytes of the log's disk; nil when they cannot be told.
    package var diskFree: Int64?
    /// What entries may still be recorded.
    package var room = DiskRoom.ample
    /// Why the log takes nothing more; nil while it does.
    package var failure: AuditLogError?
    /// How many syncs have made entries durable since the log was opened, or the shard was begun.
    package var syncs: UInt64 = 0
    /// Entries per sync, smoothed; 0 before the first.
    package var leavesPerSync: Double = 0
    /// For how long the disk has not answered; nil while it does within three seconds.
    package var diskWait: Duration?
    /// How long a commit's write and sync take, smoothed; nil before the first.
    package var syncLatency: Duration?

    init() {}
}

/// How much of the disk is left to the log.
package enum DiskRoom: String, Sendable {
    /// Enough for everything.
    case ample
    /// Only the reserve: mints and what stops them.
    case reserve
    /// Nothing is recorded.
    case none

    /// What `free` bytes leave; `headroom` of 0 is no limit, and a disk that cannot be asked is a full one.
    init(free: Int64?, headroom: Int64) {
        let free = free ?? 0
        if headroom <= 0 || free >= headroom {
            self = .ample
        } else {
            self = free < headroom / 16 ? .none : .reserve
        }
    }
}
