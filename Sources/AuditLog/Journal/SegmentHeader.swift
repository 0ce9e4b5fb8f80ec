/// The first page of a journal segment: its place in the order of segments, its size, and the log it belongs to.
struct SegmentHeader: Sendable, Equatable {
    static let bytes = JournalRecord.pageBytes
    private static let magic = Array("vault-audit-journal/1\n".utf8)
    private static let fieldBytes = magic.count + 8 + 8 + MerkleHash.byteCount

    /// Counts from 1; part of every record's check, so that what a reused segment held before can never be read as new.
    let sequence: UInt64
    /// The whole segment's size in bytes.
    let size: Int
    /// Hash of the log's origin.
    let origin: MerkleHash

    /// A header for a segment of the log named `origin`.
    init(sequence: UInt64, size: Int, origin: String) {
        self.sequence = sequence
        self.size = size
        self.origin = .leaf(Array(origin.utf8)[...])
    }

    /// The page.
    var page: [UInt8] {
        var page = SegmentHeader.magic
        page.append(bigEndian: sequence)
        page.append(bigEndian: UInt64(size))
        origin.append(to: &page)
        MerkleHash.leaf(page[...]).append(to: &page)
        return page + [UInt8](repeating: 0, count: SegmentHeader.bytes - page.count)
    }

    /// Reads the page at the start of a segment; nil when it is not a whole one.
    init?(in bytes: [UInt8]) {
        let fields = SegmentHeader.fieldBytes
        guard bytes.count >= SegmentHeader.bytes, bytes.starts(with: SegmentHeader.magic) else { return nil }
        let check = MerkleHash(bytes: bytes[fields..<fields + MerkleHash.byteCount])
        guard check == .leaf(bytes[..<fields]) else { return nil }
        let start = SegmentHeader.magic.count
        sequence = UInt64(bigEndianBytes: bytes[start..<start + 8])
        size = Int(truncatingIfNeeded: UInt64(bigEndianBytes: bytes[start + 8..<start + 16]))
        origin = MerkleHash(bytes: bytes[start + 16..<fields])
    }
}
