/// How a shard begins: its first entry names the final checkpoint of the shard before it.
enum ShardOpening {
    /// Refuses a first entry that is none, or that names another checkpoint.
    static func check(
        _ first: ArraySlice<UInt8>, continues previous: Checkpoint, in directory: String
    ) throws(AuditLogError) {
        guard let entry = try? Entry(jsonBytes: Array(first)), entry.kind == .logShardOpened,
            entry.detail == Checkpoint.detail(previous)
        else {
            throw AuditLogError(
                .rolledBack, "the shard does not begin with the final checkpoint of the one before it", path: directory)
        }
    }
}
