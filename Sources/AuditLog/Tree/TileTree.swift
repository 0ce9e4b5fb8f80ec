/// The right edge of the tree as tiles hold it: at each level the hashes of the tile that is not full yet.
struct TileTree: Sendable {
    /// A tile that has become full, or a partial one of the right edge.
    struct Tile: Sendable {
        let path: TilePath
        let hashes: [MerkleHash]
    }

    private(set) var size: UInt64 = 0
    /// At level l the last `floor(size / 256^l) mod 256` hashes.
    private(set) var levels: [[MerkleHash]] = [[]]

    /// An empty tree.
    init() {}

    /// A tree of a known size, from the tiles of its right edge; `read` gives the hashes of a tile.
    init(size: UInt64, read: (TilePath) throws(AuditLogError) -> [MerkleHash]) throws(AuditLogError) {
        self.size = size
        levels = []
        for path in TileTree.rightEdge(size: size) {
            levels.append(path.count == 0 ? [] : try read(path))
        }
    }

    /// The right edge's place at each level; a width of zero means there is no tile.
    private static func rightEdge(size: UInt64) -> [TilePath] {
        var paths: [TilePath] = []
        var count = size
        repeat {
            let width = UInt64(TilePath.width)
            paths.append(
                TilePath(.hashes(level: paths.count), index: count / width, partialWidth: Int(count % width)))
            count /= width
        } while count > 0
        return paths
    }

    /// Adds a leaf; the tiles that become full by it are handed to `completed`, lowest level first.
    mutating func append(_ leaf: MerkleHash, completed: (Tile) throws(AuditLogError) -> Void) throws(AuditLogError) {
        size += 1
        var hash = leaf
        var count = size
        for level in 0...TilePath.maximumLevel {
            if level == levels.count { levels.append([]) }
            levels[level].append(hash)
            guard levels[level].count == TilePath.width else { return }
            count /= UInt64(TilePath.width)
            let tile = Tile(path: TilePath(.hashes(level: level), index: count - 1), hashes: levels[level])
            hash = .root(perfect: levels[level][...])
            levels[level].removeAll(keepingCapacity: true)
            try completed(tile)
        }
    }

    /// The partial tiles of the right edge.
    var partialTiles: [Tile] {
        TileTree.rightEdge(size: size).enumerated().compactMap { level, path in
            path.count == 0 ? nil : Tile(path: path, hashes: levels[level])
        }
    }

    /// The Merkle tree hash, folded from the right: the lowest level holds the rightmost leaves.
    var root: MerkleHash {
        var root: MerkleHash?
        for hashes in levels {
            var end = hashes.count
            while end > 0 {
                // The lowest bit of what is left is the size of the rightmost perfect subtree.
                let peak = MerkleHash.root(perfect: hashes[end - (end & -end)..<end])
                root = root.map { .node(peak, $0) } ?? peak
                end -= end & -end
            }
        }
        return root ?? .empty
    }
}
