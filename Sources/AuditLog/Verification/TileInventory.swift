/// The tiles and bundles that exist in a log directory.
struct TileInventory: Sendable {
    /// The full ones.
    private(set) var full: Set<TilePath> = []
    /// The widths of the partial ones of each place.
    private(set) var partial: [TilePath: [Int]] = [:]

    /// Lists a log directory; a file that is no part of a log is an error.
    init(_ layout: LogLayout) throws(AuditLogError) {
        for element in try Directory(layout.directory).list() where !LogLayout.names.contains(element.name) {
            throw AuditLogError(
                .unexpectedFile, "is no part of a log", path: "\(layout.directory)/\(element.name)")
        }
        try add("tile", layout)
    }

    private mutating func add(_ directory: String, _ layout: LogLayout) throws(AuditLogError) {
        for element in try Directory("\(layout.directory)/\(directory)").list() {
            let path = "\(directory)/\(element.name)"
            guard !element.isDirectory else {
                try add(path, layout)
                continue
            }
            guard let tile = TilePath(parsing: path) else {
                throw AuditLogError(.unexpectedFile, "is no tile or bundle", path: "\(layout.directory)/\(path)")
            }
            if let width = tile.partialWidth {
                partial[tile.full, default: []].append(width)
            } else {
                full.insert(tile)
            }
        }
    }

    /// Takes a place's files off the list.
    mutating func remove(_ tile: TilePath) -> (hasFull: Bool, widths: [Int]) {
        (full.remove(tile) != nil, partial.removeValue(forKey: tile) ?? [])
    }

    /// A file that is still on the list.
    var first: TilePath? {
        full.first
            ?? partial.first.flatMap { place, widths in
                widths.first.map { TilePath(place.kind, index: place.index, partialWidth: $0) }
            }
    }
}
