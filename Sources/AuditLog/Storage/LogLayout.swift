/// What is where in a log directory.
struct LogLayout: Sendable {
    /// The log directory, without a slash at the end.
    let directory: String

    /// The layout of a log directory.
    init(_ directory: String) {
        var path = Substring(directory)
        while path.utf8.count > 1, path.hasSuffix("/") { path = path.dropLast() }
        self.directory = String(path)
    }

    /// The names at the top; `tile` and `checkpoint` are all an auditor needs.
    ///
    /// `retained` is what a pruning that was cut short has left in a whole shard.
    static let names: Set<String> = [
        "checkpoint", "witnessed", "tile", "journal", "temporary", "lock", "retained", "retained.new",
    ]

    /// The signed tree head.
    ///
    /// Source: C2SP tlog-tiles, "Checkpoint".
    var checkpoint: String { directory + "/checkpoint" }
    /// The newest checkpoint that a quorum of witnesses has cosigned; the newest of all may have none yet.
    var witnessed: String { directory + "/witnessed" }
    /// Segments that hold the newest entries until tiles and a checkpoint cover them.
    var journal: String { directory + "/journal" }
    /// Files that are not complete yet; emptied at every start.
    var temporary: String { directory + "/temporary" }

    /// The full path of a tile or bundle.
    func path(_ tile: TilePath) -> String { "\(directory)/\(tile)" }

    /// The hashes of a tile as far as a tree of some size needs them.
    ///
    /// That is the partial tile, or the start of the full one: a partial one may be gone once the full one exists.
    /// Source: C2SP tlog-tiles, "Partial Tiles".
    func hashes(_ tile: TilePath) throws(AuditLogError) -> [MerkleHash] {
        for candidate in [tile, tile.full] {
            guard let bytes = try OpenFile.contentsIfPresent(of: path(candidate)) else { continue }
            guard let hashes = [MerkleHash](tileBytes: bytes), hashes.count == candidate.count else {
                throw AuditLogError(.badTile, "has not \(candidate.count) hashes", path: path(candidate))
            }
            return Array(hashes.prefix(tile.count))
        }
        throw AuditLogError(.missingFile, "a tile the checkpoint covers is gone", path: path(tile))
    }

    /// The bundle of a place as far as `tile` names it, in the same way.
    func bundle(_ tile: TilePath) throws(AuditLogError) -> EntryBundle {
        for candidate in [tile, tile.full] {
            guard let bytes = try OpenFile.contentsIfPresent(of: path(candidate)) else { continue }
            let whole = try EntryBundle(parsing: bytes, count: candidate.count, path: path(candidate))
            guard whole.count > tile.count else { return whole }
            let ranges = try EntryBundle.entries(in: bytes, path: path(candidate))
            let prefix = Array(bytes[..<ranges[tile.count - 1].upperBound])
            return try EntryBundle(parsing: prefix, count: tile.count, path: path(candidate))
        }
        throw AuditLogError(.missingFile, "entries the checkpoint covers are gone", path: path(tile))
    }
}
