/// Up to 256 entries one after the other, each after its length.
///
/// Source: C2SP tlog-tiles, "Log entries".
struct EntryBundle: Sendable {
    private(set) var bytes: [UInt8] = []
    private(set) var count = 0

    /// Nothing yet.
    init() {}

    /// Reads a bundle of exactly `count` entries; anything left over or missing is an error.
    init(parsing bytes: [UInt8], count: Int, path: String) throws(AuditLogError) {
        let entries = try EntryBundle.entries(in: bytes, path: path)
        guard entries.count == count else {
            throw AuditLogError(.badBundle, "holds \(entries.count) entries instead of \(count)", path: path)
        }
        self.bytes = bytes
        self.count = count
    }

    /// Adds one entry, which has at most 65,535 bytes.
    mutating func append(_ entry: ArraySlice<UInt8>) {
        bytes.append(bigEndian: UInt16(entry.count))
        bytes.append(contentsOf: entry)
        count += 1
    }

    /// Where each entry is in a bundle's bytes.
    static func entries(in bytes: [UInt8], path: String) throws(AuditLogError) -> [Range<Int>] {
        var entries: [Range<Int>] = []
        entries.reserveCapacity(TilePath.width)
        var position = 0
        while position < bytes.count {
            guard entries.count < TilePath.width, bytes.count - position >= 2 else {
                throw AuditLogError(.badBundle, "cannot be cut into entries", path: path)
            }
            let start = position + 2
            let end = start + Int(bytes[position]) << 8 + Int(bytes[position + 1])
            guard end <= bytes.count else {
                throw AuditLogError(.badBundle, "ends within an entry", path: path)
            }
            entries.append(start..<end)
            position = end
        }
        return entries
    }
}
