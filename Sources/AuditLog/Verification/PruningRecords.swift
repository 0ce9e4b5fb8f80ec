/// The pruned shards of a log, and what entries of it say of some.
///
/// Without such an entry, in a later shard, a shard without entries is one whose entries were taken away; and one of which
/// other entries were kept is one that somebody has changed.
struct PruningRecords {
    private let scan = EntryKindScan([.logShardPruned])
    private var pruned: [(shard: UInt64, directory: String, record: PruningRecord)] = []
    private var found: [(shard: UInt64, record: PruningRecord)] = []

    /// Looks at an entry of a shard that a checkpoint covers.
    mutating func look(at entry: ArraySlice<UInt8>, of shard: UInt64) {
        guard scan.matches(entry), let record = (try? Entry(jsonBytes: Array(entry))).flatMap({ PruningRecord($0) })
        else { return }
        found.append((shard, record))
    }

    /// A shard that was pruned, with what an entry must say of it.
    mutating func add(_ record: PruningRecord, of shard: UInt64, in directory: String) {
        pruned.append((shard, directory, record))
    }

    /// Refuses pruned shards that no entry of a later one accounts for.
    func check() throws(AuditLogError) {
        for one in pruned {
            guard found.contains(where: { $0.shard > one.shard && $0.record == one.record }) else {
                throw AuditLogError(
                    .missingFile,
                    "its entries are gone, and no later entry under a checkpoint says that they were pruned and these kept",
                    path: one.directory + "/tile")
            }
        }
    }
}
