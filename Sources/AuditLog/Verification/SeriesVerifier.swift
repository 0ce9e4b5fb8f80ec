import StrictEncoding

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
        /// Nil when the shard was pruned: then the checkpoint's signature is all that was checked.
        package let report: VerificationReport?
    }

    private let series: LogSeries
    private let origin: String
    private let keys: [VerifierKey]
    private let older: Checkpoint?
    private let witnesses: WitnessPolicy?

    /// - Parameters:
    ///   - directory: The log's path, or a copy of one; closed shards are looked for beside it.
    ///   - verifierKeys: The keys that may have signed, under the name of any shard.
    ///   - origin: The log's name; nil takes that of the first key.
    ///   - older: An earlier checkpoint of any shard.
    ///   - witnesses: Whose cosignatures are wanted, on any shard: each later one vouches for those before it.
    /// - Throws: `badKey` when there is no key.
    package init(
        directory: String, verifierKeys: [VerifierKey], origin: String? = nil, older: Checkpoint? = nil,
        witnesses: WitnessPolicy? = nil
    ) throws(AuditLogError) {
        guard let name = origin ?? verifierKeys.first?.name else {
            throw AuditLogError(.badKey, "at least one verifier key is needed")
        }
        series = LogSeries(directory: directory)
        keys = verifierKeys
        self.origin = name
        self.older = older
        self.witnesses = witnesses
    }

    /// Verifies every shard, oldest first; the first fault is thrown.
    ///
    /// A copy of one shard alone may be verified too; then nothing is said of what came before it.
    ///
    /// - Parameter progress: Called now and then with shard, entries checked and their total.
    /// - Returns: What is true of each shard.
    /// - Throws: The first fault.
    package func verify(
        progress: (_ shard: UInt64, _ checked: UInt64, _ total: UInt64) -> Void = { _, _, _ in }
    ) throws(AuditLogError) -> [Shard] {
        var verified: [Shard] = []
        var isOlderFound = older == nil
        for (number, directory) in try shards() {
            if let last = verified.last {
                guard number == last.number + 1 else {
                    throw AuditLogError(
                        .missingFile, "a closed shard is gone", path: series.path(last.number + 1))
                }
                try checkOpening(directory, continues: last.checkpoint)
            }
            let name = LogSeries.origin(origin, number)
            let isOlder = older?.origin.hasSameBytes(as: name) ?? false
            isOlderFound = isOlderFound || isOlder
            verified.append(
                try verify(number, directory, name, older: isOlder ? older : nil) { progress(number, $0, $1) })
        }
        guard isOlderFound else {
            throw AuditLogError(.wrongOrigin, "the older checkpoint is of no shard of this log")
        }
        if let witnesses, !verified.contains(where: { $0.report?.witnessed != nil }) {
            throw AuditLogError(.notWitnessed, "no checkpoint has the cosignatures of \(witnesses.quorum) witnesses")
        }
        return verified
    }

    /// The shards that are there; the number of the one that is written, or of a copy, is in its checkpoint.
    private func shards() throws(AuditLogError) -> [(UInt64, String)] {
        var shards = try series.shards().map { ($0.number, $0.directory) }
        let path = LogLayout(series.directory).checkpoint
        // A shard that has just begun has none; then the closed ones are all there is to verify.
        guard let bytes = try OpenFile.contentsIfPresent(of: path) else {
            if shards.count > 1 { return shards.dropLast() }
            throw AuditLogError(.missingFile, "does not exist", path: path)
        }
        let name: String
        do throws(AuditLogError) {
            name = try Checkpoint(text: SignedNote(parsing: bytes).text).origin
        } catch {
            throw AuditLogError(error.code, error.reason, path: path)
        }
        let suffix = name.hasPrefix(origin + "/") ? UInt64(name.dropFirst(origin.count + 1)) : nil
        shards[shards.count - 1].0 = suffix ?? 1
        return shards
    }

    private func verify(
        _ number: UInt64, _ directory: String, _ name: String, older: Checkpoint?,
        progress: (_ checked: UInt64, _ total: UInt64) -> Void
    ) throws(AuditLogError) -> Shard {
        var named: [VerifierKey] = []
        for key in keys {
            let key = try key.named(name)
            if !named.contains(key) { named.append(key) }
        }
        guard try LogSeries.isPruned(directory) else {
            let report = try LogVerifier.verify(
                directory: directory, verifierKeys: named, origin: name, older: older, witnesses: witnesses,
                progress: progress)
            return Shard(
                number: number, directory: directory, checkpoint: report.checkpoint, signers: report.signers,
                report: report)
        }
        let (checkpoint, signers) = try PrunedShard(directory: directory).verify(keys: named, origin: name)
        guard older == nil || older == checkpoint else {
            throw AuditLogError(
                .missingFile, "the shard was pruned: only its final checkpoint can be compared", path: directory)
        }
        return Shard(
            number: number, directory: directory, checkpoint: checkpoint, signers: signers, report: nil)
    }

    /// A shard's first entry must name the final checkpoint of the shard before it.
    private func checkOpening(_ directory: String, continues previous: Checkpoint) throws(AuditLogError) {
        if try LogSeries.isPruned(directory) { return }
        var first: [UInt8]?
        try LogReader(directory: directory).forEach(in: 0..<1) { (_, entry) throws(AuditLogError) in first = entry }
        guard let first, let entry = try? Entry(jsonBytes: first), entry.kind == .logShardOpened,
            entry.detail == Checkpoint.detail(previous)
        else {
            throw AuditLogError(
                .rolledBack, "the shard does not begin with the final checkpoint of the one before it", path: directory)
        }
    }
}
