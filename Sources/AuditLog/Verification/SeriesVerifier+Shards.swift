import StrictEncoding

extension SeriesVerifier {
    /// Where a shard is, before anything of it is believed.
    struct Place {
        let number: UInt64
        let directory: String
        let isPruned: Bool
    }

    /// The shards that are there; the number of the one that is written, or of a copy, is in its checkpoint.
    func shards() throws(AuditLogError) -> (shards: [Place], begun: UInt64?) {
        var shards: [Place] = []
        let all = try series.shards()
        for shard in all.dropLast() {
            shards.append(
                Place(
                    number: shard.number, directory: shard.directory,
                    isPruned: try LogSeries.isPruned(shard.directory)))
        }
        let layout = LogLayout(series.directory)
        guard let bytes = try OpenFile.contentsIfPresent(of: layout.checkpoint) else {
            // A shard that has just begun has no checkpoint, and neither tiles nor bundles; else somebody took it away.
            guard !shards.isEmpty, try Directory(layout.directory + "/tile").list().isEmpty else {
                throw AuditLogError(.missingFile, "does not exist", path: layout.checkpoint)
            }
            return (shards, all.last?.number)
        }
        let name: String
        do throws(AuditLogError) {
            name = try Checkpoint(text: SignedNote(parsing: bytes).text).origin
        } catch {
            throw AuditLogError(error.code, error.reason, path: layout.checkpoint)
        }
        let suffix = name.hasPrefix(origin + "/") ? UInt64(name.dropFirst(origin.count + 1)) : nil
        // The shard that is written is never pruned: without its entries it is none.
        return (shards + [Place(number: suffix ?? 1, directory: series.directory, isPruned: false)], nil)
    }

    /// Shards have no gaps between them, and none is missing before the first.
    func checkNumbers(_ shards: [Place]) throws(AuditLogError) {
        var next = demands.firstShard
        guard let last = shards.last, last.number >= next else {
            throw AuditLogError(.missingFile, "the shard that must be there is not", path: series.path(next))
        }
        if let first = shards.first, first.number < next { next = first.number }
        for shard in shards {
            guard shard.number == next else {
                throw AuditLogError(.missingFile, "a closed shard is gone", path: series.path(next))
            }
            next += 1
        }
    }

    /// Verifies a shard that has its entries, each of which is shown to `visit`.
    func verify(
        _ place: Place, isNewest: Bool, visit: (ArraySlice<UInt8>) -> Void,
        progress: (_ checked: UInt64, _ total: UInt64) -> Void
    ) throws(AuditLogError) -> Shard {
        let name = LogSeries.origin(origin, place.number)
        let keys = try named(name, isNewest: isNewest)
        let report = try LogVerifier.verify(
            directory: place.directory, verifierKeys: keys, origin: name, formerKeys: try named(name, isNewest: false),
            older: older(of: name), witnesses: demands.witnesses, visit: visit,
            progress: progress)
        return Shard(
            number: place.number, directory: place.directory, checkpoint: report.checkpoint, signers: report.signers,
            witnessed: report.witnessed, report: report)
    }

    /// Verifies what is left of a shard whose entries were removed.
    func verifyPruned(
        _ place: Place, isNewest: Bool, _ pruning: inout PruningRecords
    ) throws(AuditLogError) -> Shard {
        let name = LogSeries.origin(origin, place.number)
        let shard = try PrunedShard(directory: place.directory).contents(
            keys: named(name, isNewest: isNewest), origin: name)
        let checkpoint = shard.checkpoint
        if let older = older(of: name), older != checkpoint {
            throw AuditLogError(
                .missingFile, "the shard was pruned: only its final checkpoint can be compared", path: place.directory)
        }
        for entry in shard.entries { pruning.look(at: entry.bytes[...], of: place.number) }
        pruning.add(shard.record, of: place.number, in: place.directory)
        var witnessed: Witnessed?
        if let policy = demands.witnesses, let found = try? policy.check(shard.note) {
            witnessed = Witnessed(checkpoint: checkpoint, cosignatures: found)
        }
        return Shard(
            number: place.number, directory: place.directory, checkpoint: checkpoint, signers: shard.signers,
            witnessed: witnessed, report: nil)
    }

    /// A shard's first entry must name the final checkpoint of the shard before it; it outlives the shard's pruning.
    func checkOpening(_ place: Place, continues previous: Checkpoint) throws(AuditLogError) {
        var first: [UInt8]?
        if place.isPruned {
            try PrunedShard(directory: place.directory).forEach { (index, entry) throws(AuditLogError) in
                if index == 0 { first = entry }
            }
        } else {
            try LogReader(directory: place.directory).forEach(in: 0..<1) { (_, entry) throws(AuditLogError) in
                first = entry
            }
        }
        guard first != nil || !place.isPruned else {
            throw AuditLogError(
                .missingFile, "its first entry is gone", path: PrunedShard(directory: place.directory).retained)
        }
        try ShardOpening.check((first ?? [])[...], continues: previous, in: place.directory)
    }

    /// Whether the log is the one somebody saw before, and whether witnesses saw the same.
    func checkDemands(_ shards: [Shard]) throws(AuditLogError) {
        if let older = demands.older, !shards.contains(where: { $0.checkpoint.origin.hasSameBytes(as: older.origin) }) {
            throw AuditLogError(.wrongOrigin, "the older checkpoint is of no shard of this log")
        }
        guard let policy = demands.witnesses else { return }
        let newest = shards.last?.number
        for shard in shards where shard.number >= demands.firstWitnessed || shard.number == newest {
            guard let witnessed = shard.witnessed else {
                throw AuditLogError(
                    .notWitnessed, "no checkpoint has the cosignatures of \(policy.quorum) witnesses",
                    path: shard.directory)
            }
            // A closed shard waited for them. Else its end could be rewritten: a witness links no shard to the next.
            guard shard.number == newest || witnessed.checkpoint == shard.checkpoint else {
                throw AuditLogError(
                    .notWitnessed,
                    "\(policy.quorum) witnesses have cosigned \(witnessed.checkpoint.size) of its "
                        + "\(shard.checkpoint.size) entries, and not its end", path: shard.directory)
            }
            if shard.number == newest { try checkAge(witnessed, path: shard.directory) }
        }
    }

    /// The quorum's cosignatures must be young enough: a copy that is put back keeps its old ones.
    private func checkAge(_ witnessed: Witnessed, path: String) throws(AuditLogError) {
        guard let policy = demands.witnesses, let since = demands.witnessedSince else { return }
        let young = witnessed.cosignatures.filter { $0.time >= UInt64(clamping: since.seconds) }
        guard young.count >= policy.quorum else {
            throw AuditLogError(
                .notWitnessed,
                "\(young.count) of the witnesses have cosigned since \(since.rfc3339), "
                    + "\(policy.quorum) are wanted", path: path)
        }
    }

    private func older(of name: String) -> Checkpoint? {
        demands.older.flatMap { $0.origin.hasSameBytes(as: name) ? $0 : nil }
    }

    /// The keys that count for a shard: only the newest has nobody after it who names its checkpoint.
    private func named(_ name: String, isNewest: Bool) throws(AuditLogError) -> [VerifierKey] {
        var named: [VerifierKey] = []
        for key in isNewest ? keys : keys + formerKeys {
            let key = try key.named(name)
            if !named.contains(key) { named.append(key) }
        }
        return named
    }
}
