/// Reads all segments of a journal in order.
struct JournalReader: Sendable {
    /// One segment and what it holds.
    struct Segment: Sendable {
        let header: SegmentHeader
        let path: String
        /// The indexes of its entries; nil when it holds none.
        let entries: Range<UInt64>?
        /// Where the last complete record ends.
        let end: Int
    }

    /// The journal's directory.
    let directory: String

    /// Calls `visit` for every complete record in order, and returns the segments.
    ///
    /// A batch that was never acknowledged ends the journal silently; a gap or damage before an acknowledged one is
    /// `corruptJournal`.
    func read(
        visit: (JournalRecord, _ segment: [UInt8]) throws(AuditLogError) -> Void
    ) throws(AuditLogError) -> [Segment] {
        var segments: [Segment] = []
        var next: UInt64?
        for sequence in try sequences() {
            let path = "\(directory)/\(sequence)"
            let bytes = try OpenFile.contents(of: path)
            guard let header = SegmentHeader(in: bytes), header.sequence == sequence else {
                throw AuditLogError(.corruptJournal, "the segment's header is damaged", path: path)
            }
            if let last = segments.last, last.header.sequence + 1 != sequence {
                throw AuditLogError(.corruptJournal, "the segment before this one is gone", path: path)
            }
            let scan = SegmentScan(bytes, sequence: sequence, expected: next)
            if scan.hasLaterBatch {
                try checkStillWritten(path: path, scan: scan, sequence: sequence, expected: next)
            }
            if !scan.records.isEmpty, let last = segments.last, last.entries == nil {
                throw AuditLogError(.corruptJournal, "the segment before this one lost its entries", path: path)
            }
            for record in scan.records { try visit(record, bytes) }
            let range = scan.records.first.flatMap { first in scan.records.last.map { first.index..<$0.index + 1 } }
            next = range?.upperBound ?? next
            segments.append(Segment(header: header, path: path, entries: range, end: scan.end))
        }
        return segments
    }

    /// A log that is being written may show a later batch before the one that was missing a moment ago; damage stays.
    private func checkStillWritten(
        path: String, scan: SegmentScan, sequence: UInt64, expected: UInt64?
    ) throws(AuditLogError) {
        let again = SegmentScan(try OpenFile.contents(of: path), sequence: sequence, expected: expected)
        guard again.records.count > scan.records.count else {
            throw AuditLogError(.corruptJournal, "an entry that was durable is damaged", path: path)
        }
    }

    /// The sequence numbers that the files' names are, in order.
    private func sequences() throws(AuditLogError) -> [UInt64] {
        var sequences: [UInt64] = []
        for element in try Directory(directory).list() {
            guard let sequence = UInt64(element.name), String(sequence) == element.name, !element.isDirectory else {
                throw AuditLogError(.unexpectedFile, "is no journal segment", path: "\(directory)/\(element.name)")
            }
            sequences.append(sequence)
        }
        return sequences.sorted()
    }
}
