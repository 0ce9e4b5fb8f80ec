/// The files of a log that anybody may have who may read the log: checkpoint, tiles and bundles, what is left of a pruned
/// shard, and nothing else.
///
/// Source: C2SP tlog-tiles, "APIs".
package struct LogFiles: Sendable {
    private let series: LogSeries

    /// The files of the log at a path.
    package init(directory: String) { series = LogSeries(directory: directory) }

    /// A file by its path in the standard; nil when there is none.
    ///
    /// - Parameters:
    ///   - path: `checkpoint`, `witnessed`, `retained`, or a tile's or bundle's path in its one canonical form.
    ///   - shard: The shard's number; nil means the one that is written.
    /// - Returns: The file's bytes.
    /// - Throws: `unexpectedFile` for any other path.
    package func contents(of path: String, shard: UInt64?) throws(AuditLogError) -> [UInt8]? {
        // Nothing but these forms reaches the file system, so no path leads out of the log.
        guard ["checkpoint", "witnessed", "retained"].contains(path) || TilePath(parsing: path) != nil else {
            throw AuditLogError(.unexpectedFile, "is neither checkpoint nor tile")
        }
        let current = try series.current()
        guard let shard, shard != current else {
            return try OpenFile.contentsIfPresent(of: "\(series.directory)/\(path)")
        }
        return try OpenFile.contentsIfPresent(of: "\(series.path(shard))/\(path)")
    }

    /// The paths of the tiles and bundles that a tree of this size consists of; the partial ones, which a log that is being
    /// written soon removes, come first.
    static func paths(size: UInt64) -> [String] {
        let paths: [TilePath] = tiles(size: size)
        return (paths.filter { $0.partialWidth != nil } + paths.filter { $0.partialWidth == nil }).map(\.description)
    }

    private static func tiles(size: UInt64) -> [TilePath] {
        var paths = places(size).map { TilePath(.entries, index: $0.index, partialWidth: $0.width) }
        var (count, level) = (size, 0)
        while count > 0 {
            paths += places(count).map {
                TilePath(.hashes(level: level), index: $0.index, partialWidth: $0.width)
            }
            count /= UInt64(TilePath.width)
            level += 1
        }
        return paths
    }

    /// The places of a level with this many hashes or entries; the width is nil where they are full.
    private static func places(_ count: UInt64) -> [(index: UInt64, width: Int?)] {
        let (full, rest) = count.quotientAndRemainder(dividingBy: UInt64(TilePath.width))
        return (0..<full).map { ($0, nil) } + (rest > 0 ? [(full, Int(rest))] : [])
    }
}
