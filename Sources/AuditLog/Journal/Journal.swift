/// Where entries become durable: one write and one sync for a batch, into space that was allocated before.
struct Journal: ~Copyable {
    /// A segment that is full: its space may be reused once a checkpoint covers `end`.
    struct Retired: Sendable {
        let sequence: UInt64
        /// The index after its last entry.
        let end: UInt64
    }

    /// How many bytes one batch may have; also no more than a segment holds.
    static let maximumBatchBytes = 1 << 20

    private var file: OpenFile
    private var sequence: UInt64
    private var size: Int
    private var position: Int
    private let pool: SegmentPool
    private let operations: FileOperations
    private var buffer: [UInt8] = []

    /// A journal that goes on at `position` of a segment.
    init(
        sequence: UInt64, position: Int, pool: SegmentPool, operations: FileOperations
    ) throws(AuditLogError) {
        let file = try OpenFile(pool.path(sequence), .updating)
        let size = try file.size()
        self.file = file
        self.size = size
        self.sequence = sequence
        self.position = JournalRecord.nextPage(position)
        self.pool = pool
        self.operations = operations
    }

    /// Makes a batch durable, and returns the segment it filled up, if it did.
    ///
    /// `diskFull` means that nothing was written; after any other error it is unknown what the disk holds.
    mutating func append(_ leaves: ArraySlice<CommittedLeaf>, firstIndex: UInt64) throws(AuditLogError) -> Retired? {
        let length = leaves.reduce(0) { $0 + $1.entry.count + JournalRecord.headerBytes }
        var retired: Retired?
        if JournalRecord.nextPage(position + length) > size {
            let full = sequence
            try roll()
            retired = Retired(sequence: full, end: firstIndex)
        }
        buffer.removeAll(keepingCapacity: true)
        for (offset, leaf) in leaves.enumerated() {
            JournalRecord.append(
                leaf, index: firstIndex + UInt64(offset), batch: firstIndex, sequence: sequence, to: &buffer)
        }
        buffer.append(contentsOf: repeatElement(0, count: JournalRecord.nextPage(buffer.count) - buffer.count))
        do {
            try file.write(buffer[...], at: Int64(position), operations)
            try file.syncData(operations)
        } catch {
            // Even "no space" is final here: the space was allocated, and part of the batch may have been written.
            throw AuditLogError(.failed, error.reason, path: error.path)
        }
        position += buffer.count
        return retired
    }

    private mutating func roll() throws(AuditLogError) {
        let next = try pool.take()
        file = try OpenFile(pool.path(next), .updating)
        size = try file.size()
        sequence = next
        position = SegmentHeader.bytes
    }
}
