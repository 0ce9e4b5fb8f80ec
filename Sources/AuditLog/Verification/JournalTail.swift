/// The entries a checkpoint does not cover yet.
enum JournalTail {
    /// Reads them from the journal, which a copy for auditors need not have.
    static func read(_ layout: LogLayout, after size: UInt64) throws(AuditLogError) -> [[UInt8]] {
        var tail: [[UInt8]] = []
        var next = size
        _ = try JournalReader(directory: layout.journal).read { (record, bytes) throws(AuditLogError) in
            guard record.index >= size else { return }
            guard record.index == next else {
                throw AuditLogError(
                    .rolledBack, "entries \(next) to \(record.index - 1) are in neither tiles nor journal",
                    path: layout.journal)
            }
            tail.append(Array(bytes[record.entry]))
            next += 1
        }
        return tail
    }
}
