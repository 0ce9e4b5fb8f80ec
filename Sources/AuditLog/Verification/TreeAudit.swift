/// Recomputes a log from its entries alone and compares every file with what it must hold.
struct TreeAudit {
    private let layout: LogLayout
    private var inventory: TileInventory
    private var tree = TileTree()
    private var range = CompactRange()
    private var bundle = EntryBundle()
    /// Up to here a checkpoint covers the entries: full tiles and bundles must exist.
    private let covered: UInt64
    private(set) var filesChecked = 0

    init(layout: LogLayout, inventory: TileInventory, covered: UInt64) {
        self.layout = layout
        self.inventory = inventory
        self.covered = covered
    }

    /// How many entries were taken.
    var size: UInt64 { range.size }

    /// The Merkle tree hash, computed without the help of tiles.
    var root: MerkleHash { range.root }

    /// Takes the next entry.
    mutating func append(_ entry: ArraySlice<UInt8>) throws(AuditLogError) {
        let hash = MerkleHash.leaf(entry)
        range.append(hash)
        bundle.append(entry)
        var completed: [TileTree.Tile] = []
        try tree.append(hash) { tile throws(AuditLogError) in completed.append(tile) }
        for tile in completed { try compare(tile.path, with: tile.hashes.tileBytes, fault: .badTile) }
        guard bundle.count == TilePath.width else { return }
        let path = TilePath(.entries, index: size / UInt64(TilePath.width) - 1)
        try compare(path, with: bundle.bytes, fault: .badBundle)
        bundle = EntryBundle()
    }

    /// At the checkpoint's size: the partial tiles and bundle of the right edge must exist.
    ///
    /// The full one may stand in for a partial one. Source: C2SP tlog-tiles, "Partial Tiles".
    mutating func checkRightEdge() throws(AuditLogError) {
        for (path, bytes, fault) in rightEdge {
            guard try !compareFile(path, with: bytes[...], fault: fault) else { continue }
            guard try compareFile(path.full, with: bytes[...], fault: fault, prefixOnly: true) else {
                throw AuditLogError(.missingFile, "the checkpoint covers it", path: layout.path(path))
            }
        }
    }

    /// At the end of the journal's tail: what is left of the files must belong to the right edge.
    mutating func finish() throws(AuditLogError) {
        for (path, bytes, fault) in rightEdge {
            let found = inventory.remove(path.full)
            guard !found.hasFull else { throw unexpected(path.full) }
            for width in found.widths {
                let partial = TilePath(path.kind, index: path.index, partialWidth: width)
                guard width <= path.count else { throw unexpected(partial) }
                try compareFile(partial, with: try prefix(of: bytes, partial)[...], fault: fault)
            }
        }
        if let left = inventory.first { throw unexpected(left) }
    }

    private var rightEdge: [(TilePath, [UInt8], AuditLogError.Code)] {
        var edge = tree.partialTiles.map { ($0.path, $0.hashes.tileBytes, AuditLogError.Code.badTile) }
        if bundle.count > 0 {
            let path = TilePath(.entries, index: size / UInt64(TilePath.width), partialWidth: bundle.count)
            edge.append((path, bundle.bytes, .badBundle))
        }
        return edge
    }

    /// Compares the full file of a place, which must exist if a checkpoint covers it, and the partial ones there are.
    private mutating func compare(
        _ path: TilePath, with bytes: [UInt8], fault: AuditLogError.Code
    ) throws(AuditLogError) {
        let found = inventory.remove(path)
        if path.kind == .entries, path.endIndex <= covered {
            // The entries came out of this very file.
            filesChecked += 1
        } else if found.hasFull || path.endIndex <= covered {
            guard try compareFile(path, with: bytes[...], fault: fault) else {
                throw AuditLogError(.missingFile, "the checkpoint covers it", path: layout.path(path))
            }
        }
        for width in found.widths {
            let partial = TilePath(path.kind, index: path.index, partialWidth: width)
            try compareFile(partial, with: try prefix(of: bytes, partial)[...], fault: fault)
        }
    }

    /// What a partial file must hold: the first hashes or entries of the full one.
    private func prefix(of bytes: [UInt8], _ partial: TilePath) throws(AuditLogError) -> ArraySlice<UInt8> {
        guard partial.kind == .entries else { return bytes[..<(partial.count * MerkleHash.byteCount)] }
        let entries = try EntryBundle.entries(in: bytes, path: layout.path(partial))
        return bytes[..<entries[partial.count - 1].upperBound]
    }

    /// Whether the file exists; if so, its bytes must be the ones that were computed.
    @discardableResult
    private mutating func compareFile(
        _ path: TilePath, with bytes: ArraySlice<UInt8>, fault: AuditLogError.Code, prefixOnly: Bool = false
    ) throws(AuditLogError) -> Bool {
        guard let stored = try OpenFile.contentsIfPresent(of: layout.path(path)) else { return false }
        guard stored.starts(with: bytes), prefixOnly || stored.count == bytes.count else {
            throw AuditLogError(fault, "is not what the entries give", path: layout.path(path))
        }
        filesChecked += 1
        return true
    }

    private func unexpected(_ path: TilePath) -> AuditLogError {
        AuditLogError(.unexpectedFile, "no entry accounts for it", path: layout.path(path))
    }
}
