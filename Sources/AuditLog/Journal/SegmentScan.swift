/// What a segment's bytes hold: complete records, then either nothing or a batch that was never acknowledged.
struct SegmentScan: Sendable {
    private(set) var records: [JournalRecord] = []
    /// Where the last complete record ends.
    private(set) var end = SegmentHeader.bytes
    /// Whether a later batch exists: then what is missing before it had been durable, and was damaged since.
    private(set) var hasLaterBatch = false

    /// Reads the records of a segment from `expected` on; nil takes whatever index the first has.
    init(_ bytes: [UInt8], sequence: UInt64, expected: UInt64?) {
        var next = expected
        while let record = SegmentScan.record(after: end, in: bytes, sequence: sequence, next: next, last: records.last)
        {
            records.append(record)
            end = record.entry.upperBound
            next = record.index + 1
        }
        var page = JournalRecord.nextPage(end)
        while page < bytes.count {
            if let record = JournalRecord(in: bytes, at: page, sequence: sequence), record.index == record.batch,
                record.index > next ?? 0
            {
                hasLaterBatch = true
                return
            }
            page += JournalRecord.pageBytes
        }
    }

    /// The record that continues the batch at `position`, or the one that begins the next batch on the next page.
    private static func record(
        after position: Int, in bytes: [UInt8], sequence: UInt64, next: UInt64?, last: JournalRecord?
    ) -> JournalRecord? {
        if let last, let record = JournalRecord(in: bytes, at: position, sequence: sequence),
            record.index == last.index + 1, record.batch == last.batch
        {
            return record
        }
        let page = JournalRecord.nextPage(position)
        guard let record = JournalRecord(in: bytes, at: page, sequence: sequence), record.index == record.batch,
            record.index == next ?? record.index
        else { return nil }
        return record
    }
}
