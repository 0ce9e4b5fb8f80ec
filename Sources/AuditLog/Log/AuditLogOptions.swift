/// How a log is kept; the defaults are the design's.
package struct AuditLogOptions: Sendable {
    /// How often a checkpoint is made while there are new leaves.
    ///
    /// A slow signer makes it longer: see `AuditLog`.
    package var checkpointInterval: Duration = .seconds(1)
    /// Free bytes below which only mints, and what stops them, are recorded; at a sixteenth of it nothing is.
    ///
    /// 0: no limit.
    package var headroom: Int64 = 256 << 20
    /// How many entries may wait for the commit thread.
    package var queueCapacity = 4096
    /// Size of a journal segment in bytes; a multiple of 4096, at least 64 KiB.
    package var segmentBytes = 8 << 20
    /// How long `close` waits for the last signature.
    package var closeTimeout: Duration = .seconds(10)

    /// Whether an entry that something is released for counts as recorded only when a checkpoint covers it.
    ///
    /// Then checkpoints are made as fast as the signers go, and an entry waits for about two signatures.
    package var strict = false
    /// Those who cosign checkpoints; nil: nobody does.
    ///
    /// Under `strict` an entry then counts as recorded only when a checkpoint with a quorum of cosignatures covers it.
    package var witnesses: Witnesses?
    /// How long under `strict` an entry waits for its checkpoint, and the witnesses, before it is refused.
    package var strictPatience: Duration = .seconds(5)
    /// After this long without a checkpoint for leaves that wait for one, or ten intervals if that is longer, nothing
    /// that would release something is recorded any more, until there is one.
    ///
    /// It bounds the part of the log that no signature covers. No signer that works at all takes nearly so long.
    package var checkpointPatience: Duration = .seconds(30)
    /// How long the other keys are waited for once one has signed a checkpoint.
    package var coSigningPatience: Duration = .seconds(1)
    /// A file outside the log directory that keeps the last checkpoint, so that an older copy of the log is refused.
    package var lastCheckpointFile: String?
    /// Reads the decision to go on with an older copy, and throws when those who must have not taken it.
    ///
    /// Nil: it is believed as it was written, by whoever could write it.
    package var restorationReader: (@Sendable (_ file: [UInt8]) throws(AuditLogError) -> Restoration)?
    /// Whether the log has begun long ago: an empty one is then a lost one, and refused like an older copy.
    package var isExpected = false
    /// How far the clock may jump forward while the log is open; nil is no limit.
    package var maximumClockJump: Duration?
    /// With this many entries a shard is full; nil: never.
    package var shardEntries: UInt64?
    /// At this age in seconds, counted from its first entry, a shard is full; nil: never.
    package var shardAge: Int64?

    /// Adds to the log's own entries what stands in every entry of its owner's.
    package var complete: @Sendable (inout Entry) -> Void = { _ in }

    /// A signer whose signature takes long is asked more rarely: at most one part in this many of its time.
    var signerShare = 40

    /// The defaults.
    package init() {}
}
