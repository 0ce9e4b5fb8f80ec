/// The entries a checkpoint does not cover yet.
enum JournalTail {
    /// Shows each, in order and with its index, out of the journal, which a copy for auditors need not have.
    static func forEach(
        _ layout: LogLayout, after size: UInt64,
        _ body: (_ index: UInt64, ArraySlice<UInt8>) throws(AuditLogError) -> Void
    ) throws(AuditLogError) {
        var next = size
        _ = try JournalReader(directory: layout.journal).read { (record, bytes) throws(AuditLogError) in
            guard record.index >= size else { return }
            guard record.index == next else {
                throw AuditLogError(
                    .rolledBack, "entries \(next) to \(record.index - 1) are in neither tiles nor journal",
                    path: layout.journal)
            }
            try body(record.index, bytes[record.entry])
            next += 1
        }
    }

    /// All of them.
    static func read(_ layout: LogLayout, after size: UInt64) throws(AuditLogError) -> [[UInt8]] {
        var tail: [[UInt8]] = []
        try forEach(layout, after: size) { (_, entry) throws(AuditLogError) in tail.append(Array(entry)) }
        return tail
    }
}
