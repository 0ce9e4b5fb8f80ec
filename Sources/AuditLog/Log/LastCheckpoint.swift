import StrictEncoding

/// The last checkpoint, kept in a file outside the log directory.
///
/// A copy of the log directory as it was earlier looks good in itself; this file is what gives it away. Whoever holds
/// both can still go back: only a witness stops him.
struct LastCheckpoint: Sendable {
    let path: String

    /// What the file says; nil when there is none.
    func read() throws(AuditLogError) -> Checkpoint? {
        guard let bytes = try OpenFile.contentsIfPresent(of: path) else { return nil }
        do throws(AuditLogError) {
            // Before the first checkpoint there is no signature: see `begin`.
            guard let note = try? SignedNote(parsing: bytes) else { return try Checkpoint(text: bytes) }
            return try Checkpoint(text: note.text)
        } catch {
            throw AuditLogError(error.code, error.reason, path: path)
        }
    }

    /// Replaces the file, durably.
    func write(_ bytes: [UInt8], _ operations: FileOperations) throws(AuditLogError) {
        let temporary = path + ".new"
        let file = try OpenFile(temporary, .creating)
        try file.write(bytes[...], at: 0, operations)
        try file.sync(operations)
        let failure = operations.rename(temporary, path)
        guard failure == 0 else { throw .space("rename", failure, path: path) }
        try Directory.parent(of: path).sync(operations)
    }

    /// Says that a log begins, before its first entry: from then on a missing file is a fault.
    func begin(origin: String, _ operations: FileOperations) throws(AuditLogError) {
        try write(Checkpoint(origin: origin, size: 0, root: MerkleHash.empty.bytes).text, operations)
    }

    /// Refuses a shard that is older than the record, or has another history.
    ///
    /// The record may be of a closed shard of `series`, when a crash came before the first checkpoint of the next one.
    func check(
        _ layout: LogLayout, _ recovered: LogRecovery.Result, number: UInt64, origin: String, series: LogSeries
    ) throws(AuditLogError) {
        guard let record = try read() else {
            let isNew = recovered.isEmpty && number == 1
            guard isNew else {
                throw AuditLogError(
                    .rolledBack, "the record of the last checkpoint is gone, so nobody knows whether the log is whole",
                    path: path)
            }
            return
        }
        if record.origin.hasSameBytes(as: LogSeries.origin(origin, number)) {
            return try check(record, against: recovered.checkpoint, layout)
        }
        let earlier = try series.closed().last { record.origin.hasSameBytes(as: LogSeries.origin(origin, $0)) }
        guard let earlier else {
            throw AuditLogError(.rolledBack, "the log is older than its last checkpoint, or another one", path: path)
        }
        let before = LogLayout(series.path(earlier))
        let bytes = try OpenFile.contents(of: before.checkpoint)
        try check(record, against: try Checkpoint(text: SignedNote(parsing: bytes).text), before)
    }

    private func check(
        _ record: Checkpoint, against checkpoint: Checkpoint?, _ layout: LogLayout
    ) throws(AuditLogError) {
        guard record.size > 0 else { return }
        let size = checkpoint?.size ?? 0
        guard record.size <= size else {
            throw AuditLogError(
                .rolledBack, "the log has \(size) entries under its checkpoint, but had \(record.size) already",
                path: layout.checkpoint)
        }
        if record.size == size, record.root == checkpoint?.root { return }
        // A pruned shard has no tiles to compare any more; its final checkpoint is all there is.
        guard record.size < size, let checkpoint, try isStart(record, of: checkpoint, layout) else {
            throw AuditLogError(
                .rolledBack, "the log's history is not that of its last checkpoint", path: layout.checkpoint)
        }
    }

    /// The tiles are anybody's who holds the disk: they only serve to prove that one root continues the other.
    private func isStart(
        _ record: Checkpoint, of checkpoint: Checkpoint, _ layout: LogLayout
    ) throws(AuditLogError) -> Bool {
        if try LogSeries.isPruned(layout.directory) { return true }
        let proof = try TileReader(layout, size: checkpoint.size).consistencyProof(
            from: record.size, to: checkpoint.size)
        return MerkleProof.isConsistent(
            oldSize: record.size, oldRoot: MerkleHash(bytes: record.root[...]), size: checkpoint.size,
            root: MerkleHash(bytes: checkpoint.root[...]), proof: proof)
    }
}
