import Crypto

/// One entry as the journal holds it: header, then the entry's bytes.
///
/// The header is `LEAF`, the entry's length (4 bytes), its index, the index its batch began with (8 bytes each), all
/// big endian, and 16 bytes that check them, the segment's sequence number and the entry's leaf hash. A batch is what
/// one sync made durable: it begins on a page of its own, so that a torn write never touches what was acknowledged
/// before.
struct JournalRecord: Sendable {
    static let headerBytes = 40
    /// Batches begin at multiples of this: the unit the kernel writes in.
    static let pageBytes = 4096
    private static let magic = Array("LEAF".utf8)
    private static let checkBytes = 16

    let index: UInt64
    /// The index of the first entry that was made durable together with this one.
    let batch: UInt64
    let hash: MerkleHash
    /// Where the entry is in the segment's bytes.
    let entry: Range<Int>

    /// The next page at or after a position.
    static func nextPage(_ position: Int) -> Int { (position + pageBytes - 1) / pageBytes * pageBytes }

    /// Appends a record to a batch.
    static func append(
        _ leaf: CommittedLeaf, index: UInt64, batch: UInt64, sequence: UInt64, to bytes: inout [UInt8]
    ) {
        bytes.append(contentsOf: magic)
        bytes.append(bigEndian: UInt32(leaf.entry.count))
        bytes.append(bigEndian: index)
        bytes.append(bigEndian: batch)
        let header = bytes[(bytes.count - headerBytes + checkBytes)...]
        bytes.append(contentsOf: check(header: header, sequence: sequence, hash: leaf.hash))
        bytes.append(contentsOf: leaf.entry)
    }

    /// Reads the record at a position of a segment; nil when there is no complete one of this segment's.
    init?(in bytes: [UInt8], at position: Int, sequence: UInt64) {
        guard bytes.count - position >= JournalRecord.headerBytes,
            bytes[position..<position + 4].elementsEqual(JournalRecord.magic)
        else { return nil }
        let length = Int(UInt32(bigEndianBytes: bytes[position + 4..<position + 8]))
        let start = position + JournalRecord.headerBytes
        guard length <= Entry.maximumBytes, length <= bytes.count - start else { return nil }
        entry = start..<start + length
        index = UInt64(bigEndianBytes: bytes[position + 8..<position + 16])
        batch = UInt64(bigEndianBytes: bytes[position + 16..<position + 24])
        hash = .leaf(bytes[entry])
        let expected = JournalRecord.check(header: bytes[position..<position + 24], sequence: sequence, hash: hash)
        guard bytes[position + 24..<start].elementsEqual(expected) else { return nil }
    }

    private static func check(header: ArraySlice<UInt8>, sequence: UInt64, hash: MerkleHash) -> ArraySlice<UInt8> {
        var input: [UInt8] = []
        input.reserveCapacity(64)
        input.append(contentsOf: header)
        input.append(bigEndian: sequence)
        hash.append(to: &input)
        return MerkleHash.leaf(input[...]).bytes.prefix(checkBytes)
    }
}
