/// Which shards were pruned, as entries of later shards say.
///
/// Without such an entry a shard without entries is one whose entries were taken away.
struct PruningRecords {
    private var found: [(shard: UInt64, detail: [String: String])] = []
    /// What every such entry holds, so that others need not be parsed.
    private static let mark = Array(Entry.Kind.logShardPruned.rawValue.utf8)

    /// Looks at an entry of a shard.
    mutating func look(at entry: ArraySlice<UInt8>, of shard: UInt64) {
        guard entry.firstRange(of: PruningRecords.mark) != nil, let read = try? Entry(jsonBytes: Array(entry)),
            read.kind == .logShardPruned, let detail = read.detail
        else { return }
        found.append((shard, detail))
    }

    /// A pruned shard must be one that a later one names, by name, size and root, and by what was kept of it.
    func check(_ shard: SeriesVerifier.Shard) throws(AuditLogError) {
        let expected = try PrunedShard(directory: shard.directory).record(shard.checkpoint).detail
        let isRecorded = found.contains { record in
            record.shard > shard.number && expected.allSatisfy { record.detail[$0.key] == $0.value }
        }
        guard isRecorded else {
            throw AuditLogError(
                .missingFile, "its entries are gone, and no later shard says that they were pruned and these were kept",
                path: shard.directory + "/tile")
        }
    }
}
