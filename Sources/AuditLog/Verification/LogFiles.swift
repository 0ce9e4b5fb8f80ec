/// The files of a log that anybody may have who may read the log: checkpoint, tiles and bundles, and nothing else.
///
/// Source: C2SP tlog-tiles, "APIs".
package struct LogFiles: Sendable {
    private let series: LogSeries

    /// The files of the log at a path.
    package init(directory: String) { series = LogSeries(directory: directory) }

    /// A file by its path in the standard; nil when there is none.
    ///
    /// - Parameters:
    ///   - path: `checkpoint`, or a tile's or bundle's path in its one canonical form.
    ///   - shard: The shard's number; nil means the one that is written.
    /// - Returns: The file's bytes.
    /// - Throws: `unexpectedFile` for any other path.
    package func contents(of path: String, shard: UInt64?) throws(AuditLogError) -> [UInt8]? {
        // Nothing but these two forms reaches the file system, so no path leads out of the log.
        guard path == "checkpoint" || TilePath(parsing: path) != nil else {
            throw AuditLogError(.unexpectedFile, "is neither checkpoint nor tile")
        }
        let current = try series.current()
        guard let shard, shard != current else {
            return try OpenFile.contentsIfPresent(of: "\(series.directory)/\(path)")
        }
        return try OpenFile.contentsIfPresent(of: "\(series.path(shard))/\(path)")
    }
}
