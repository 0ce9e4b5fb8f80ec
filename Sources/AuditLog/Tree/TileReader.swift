/// Hashes of subtrees of a tree of a known size, out of its tiles; what is made of them must be checked by the caller.
///
/// Source: RFC 6962 section 2.1, C2SP tlog-tiles.
final class TileReader {
    private let source: (TilePath) throws(AuditLogError) -> [MerkleHash]
    private let size: UInt64
    private var tiles: [TilePath: [MerkleHash]] = [:]

    /// A reader of tiles from anywhere; `source` gives the hashes of one as far as a tree of `size` entries needs them.
    init(size: UInt64, source: @escaping (TilePath) throws(AuditLogError) -> [MerkleHash]) {
        self.size = size
        self.source = source
    }

    /// A reader of a log directory whose checkpoint covers `size` entries.
    convenience init(_ layout: LogLayout, size: UInt64) {
        self.init(size: size) { (path) throws(AuditLogError) in try layout.hashes(path) }
    }

    /// The Merkle tree hash of the first `count` entries.
    func root(of count: UInt64) throws(AuditLogError) -> MerkleHash {
        count == 0 ? .empty : try hash(of: 0..<count)
    }

    /// The hashes that lead from the entry at an index to the root of the first `count`, leaf to root.
    ///
    /// Source: RFC 6962 section 2.1.1.
    func inclusionProof(of index: UInt64, count: UInt64) throws(AuditLogError) -> [MerkleHash] {
        var range: Range<UInt64> = 0..<count
        var proof: [MerkleHash] = []
        while range.count > 1 {
            let middle = TileReader.split(range)
            let isLeft = index < middle
            proof.append(try hash(of: isLeft ? middle..<range.upperBound : range.lowerBound..<middle))
            range = isLeft ? range.lowerBound..<middle : middle..<range.upperBound
        }
        return proof.reversed()
    }

    /// The hashes that show that the tree of `old` entries is the start of that of `count`.
    ///
    /// Source: RFC 6962 section 2.1.2.
    func consistencyProof(from old: UInt64, to count: UInt64) throws(AuditLogError) -> [MerkleHash] {
        guard old > 0, old < count else { return [] }
        var range: Range<UInt64> = 0..<count
        var proof: [MerkleHash] = []
        while old != range.upperBound {
            let middle = TileReader.split(range)
            let isLeft = old <= middle
            proof.append(try hash(of: isLeft ? middle..<range.upperBound : range.lowerBound..<middle))
            range = isLeft ? range.lowerBound..<middle : middle..<range.upperBound
        }
        // The old tree's own root is known to whoever asks, unless it is only a part on the right.
        if range.lowerBound > 0 { proof.append(try hash(of: range)) }
        return proof.reversed()
    }

    /// Where a range's tree divides: after the largest power of two below its count.
    private static func split(_ range: Range<UInt64>) -> UInt64 {
        let count = range.upperBound - range.lowerBound
        return range.lowerBound + 1 << UInt64(63 - (count - 1).leadingZeroBitCount)
    }

    /// The roots of the perfect subtrees that make up the first `count` entries, largest first.
    func peaks(of count: UInt64) throws(AuditLogError) -> [MerkleHash] {
        var peaks: [MerkleHash] = []
        var start: UInt64 = 0
        while start < count {
            let width = UInt64(1) << UInt64(63 - (count - start).leadingZeroBitCount)
            peaks.append(try perfect(start..<start + width))
            start += width
        }
        return peaks
    }

    /// The hash of a range that is a subtree of the tree.
    private func hash(of range: Range<UInt64>) throws(AuditLogError) -> MerkleHash {
        let count = range.upperBound - range.lowerBound
        guard count & (count - 1) != 0 else { return try perfect(range) }
        let middle = TileReader.split(range)
        return .node(try hash(of: range.lowerBound..<middle), try hash(of: middle..<range.upperBound))
    }

    /// The hash of a range of a power of two, from the tile of the level that has it or its parts.
    private func perfect(_ range: Range<UInt64>) throws(AuditLogError) -> MerkleHash {
        let height = (range.upperBound - range.lowerBound).trailingZeroBitCount
        let level = height / 8
        let first = range.lowerBound >> UInt64(8 * level)
        let (tile, offset) = first.quotientAndRemainder(dividingBy: UInt64(TilePath.width))
        let hashes = try self.tile(level: level, index: tile)
        let slice = Int(offset)..<Int(offset) + 1 << (height % 8)
        guard slice.upperBound <= hashes.count else {
            throw AuditLogError(.badTile, "tile \(tile) of level \(level) has not the hashes it must have")
        }
        return .root(perfect: hashes[slice])
    }

    private func tile(level: Int, index: UInt64) throws(AuditLogError) -> [MerkleHash] {
        let count = level < 8 ? size >> UInt64(8 * level) : 0
        let width = min(count - min(count, index << 8), UInt64(TilePath.width))
        let path = TilePath(
            .hashes(level: level), index: index, partialWidth: width < TilePath.width ? Int(width) : nil)
        if let hashes = tiles[path] { return hashes }
        let hashes = try source(path)
        if tiles.count > 256 { tiles.removeAll() }
        tiles[path] = hashes
        return hashes
    }
}
