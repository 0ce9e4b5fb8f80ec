/// Reads a log's entries in order, from its bundles and then from the journal; verifies nothing.
package struct LogReader: Sendable {
    private let layout: LogLayout

    /// A reader of a log directory; the log may be open for writing elsewhere.
    package init(directory: String) { layout = LogLayout(directory) }

    /// Calls `body` for each entry of `range` that there is, with its index and canonical bytes.
    ///
    /// - Parameters:
    ///   - range: The indexes wanted; its end may lie beyond the log's.
    ///   - body: Takes one entry.
    /// - Returns: The index after the last entry given, or the range's start when there was none.
    /// - Throws: What `body` throws; `badBundle`, `missingFile` or `corruptJournal` where the log cannot be read.
    @discardableResult
    package func forEach(
        in range: Range<UInt64>, _ body: (_ index: UInt64, _ entry: [UInt8]) throws(AuditLogError) -> Void
    ) throws(AuditLogError) -> UInt64 {
        var next = range.lowerBound
        while true {
            let size = try checkpointSize()
            while next < min(size, range.upperBound) { try readBundle(at: &next, size: size, range, body) }
            guard next < range.upperBound else { return next }
            let tail: [[UInt8]]
            do throws(AuditLogError) {
                tail = try JournalTail.read(layout, after: max(size, next))
            } catch {
                // A log that is being written may have covered and reused the journal in the meantime.
                guard try checkpointSize() > size else { throw error }
                continue
            }
            for entry in tail where next < range.upperBound {
                try body(next, entry)
                next += 1
            }
            return next
        }
    }

    private func readBundle(
        at next: inout UInt64, size: UInt64, _ range: Range<UInt64>,
        _ body: (_ index: UInt64, _ entry: [UInt8]) throws(AuditLogError) -> Void
    ) throws(AuditLogError) {
        let (place, offset) = next.quotientAndRemainder(dividingBy: UInt64(TilePath.width))
        let isFull = (place + 1) * UInt64(TilePath.width) <= size
        let path = TilePath(.entries, index: place, partialWidth: isFull ? nil : Int(size % UInt64(TilePath.width)))
        let bundle = try layout.bundle(path)
        let entries = try EntryBundle.entries(in: bundle.bytes, path: layout.path(path))
        for entry in entries.dropFirst(Int(offset)) where next < range.upperBound {
            try body(next, Array(bundle.bytes[entry]))
            next += 1
        }
    }

    /// The size the checkpoint claims; 0 before the first.
    private func checkpointSize() throws(AuditLogError) -> UInt64 {
        guard let bytes = try OpenFile.contentsIfPresent(of: layout.checkpoint) else { return 0 }
        return try Checkpoint(text: SignedNote(parsing: bytes).text).size
    }
}
