package import StrictEncoding

/// Checks all shards of a log offline, and that each goes on where the one before it ended.
package struct SeriesVerifier: Sendable {
    /// What is true of one shard.
    package struct Shard: Sendable {
        /// Counts from 1.
        package let number: UInt64
        /// Where it lies.
        package let directory: String
        /// Its newest checkpoint.
        package let checkpoint: Checkpoint
        /// Whose keys have signed that.
        package let signers: [VerifierKey]
        /// Up to where a quorum of witnesses vouches for it; nil when none was asked for.
        package let witnessed: Witnessed?
        /// Nil when the shard was pruned: then its final checkpoint and what was retained of it are all that was checked.
        package let report: VerificationReport?
    }

    /// What is true of a log.
    package struct Report: Sendable {
        /// The shards that were verified, oldest first; never none.
        package let shards: [Shard]
        /// The shard that has begun and has no checkpoint yet, so that nothing in it was verified; nil when there is none.
        package let begun: UInt64?
        /// The shards whose entries were removed, as a later entry says.
        package var pruned: [Shard] { shards.filter { $0.report == nil } }
    }

    /// What is asked of a log besides being whole.
    package struct Demands: Sendable {
        /// An earlier checkpoint of any shard, which the log must be a continuation of.
        package var older: Checkpoint?
        /// The first shard that must be there.
        package var firstShard: UInt64 = 1
        /// Whose cosignatures are wanted.
        package var witnesses: WitnessPolicy?
        /// The first shard that witnesses have watched: it and all after it must be cosigned.
        package var firstWitnessed: UInt64 = 1
        /// Before then a cosignature of the newest shard is too old; nil: any will do.
        package var witnessedSince: UnixTime?

        /// Nothing more.
        package init() {}
    }

    let series: LogSeries
    let origin: String
    let keys: [VerifierKey]
    let formerKeys: [VerifierKey]
    let demands: Demands

    /// - Parameters:
    ///   - directory: The log's path, or a copy of one; closed shards are looked for beside it.
    ///   - verifierKeys: The keys that may sign now, under the name of any shard.
    ///   - formerKeys: Keys that must not sign any more: what they have signed counts where a later shard, signed by
    ///     one that may, names that very checkpoint.
    ///   - origin: The log's name; nil takes that of the first key.
    ///   - demands: What is asked besides.
    /// - Throws: `badKey` when there is no key.
    package init(
        directory: String, verifierKeys: [VerifierKey], formerKeys: [VerifierKey] = [], origin: String? = nil,
        demands: Demands = Demands()
    ) throws(AuditLogError) {
        guard let name = origin ?? verifierKeys.first?.name else {
            throw AuditLogError(.badKey, "at least one verifier key is needed")
        }
        series = LogSeries(directory: directory)
        keys = verifierKeys
        self.formerKeys = formerKeys
        self.origin = name
        self.demands = demands
    }

    /// Verifies every shard, oldest first; the first fault is thrown.
    ///
    /// - Parameter progress: Called now and then with shard, entries checked and their total.
    /// - Returns: What is true of the log.
    /// - Throws: The first fault.
    package func verify(
        progress: (_ shard: UInt64, _ checked: UInt64, _ total: UInt64) -> Void = { _, _, _ in }
    ) throws(AuditLogError) -> Report {
        let found = try shards()
        try checkNumbers(found.shards)
        let areRecordsWanted = found.shards.contains(where: \.isPruned)
        var pruning = PruningRecords()
        var verified: [Shard] = []
        for place in found.shards {
            if let last = verified.last { try checkOpening(place, continues: last.checkpoint) }
            let isNewest = place.number == found.shards.last?.number
            verified.append(
                try place.isPruned
                    ? verifyPruned(place, isNewest: isNewest, &pruning)
                    : verify(
                        place, isNewest: isNewest,
                        visit: { if areRecordsWanted { pruning.look(at: $0, of: place.number) } },
                        progress: { progress(place.number, $0, $1) }))
        }
        try pruning.check()
        try checkDemands(verified)
        return Report(shards: verified, begun: found.begun)
    }
}
