/// Puts files in place so that a crash leaves each either absent, old or complete.
///
/// They are written aside, synced and renamed, and then the directory is synced.
struct DurableFiles {
    /// A file to be put in place; the path is relative to the log directory.
    struct File: Sendable {
        var path: String
        var bytes: [UInt8]
    }

    private let layout: LogLayout
    private let operations: FileOperations
    /// Directories known to exist, so that each is made once.
    private var known: Set<String> = []

    init(layout: LogLayout, operations: FileOperations) {
        self.layout = layout
        self.operations = operations
    }

    /// Puts all of `files` in place, durably.
    mutating func put(_ files: [File]) throws(AuditLogError) {
        var (changed, made): (Set<String>, Set<String>) = ([], [])
        for file in files { try makeParents(of: file.path, changed: &changed, made: &made) }
        try write(files[...], number: 0)
        for (number, file) in files.enumerated() {
            let path = "\(layout.directory)/\(file.path)"
            let failure = operations.rename(temporary(number), path)
            guard failure == 0 else { throw .space("rename", failure, path: path) }
            changed.insert(DurableFiles.parent(of: path))
        }
        for directory in changed.sorted() { try Directory(directory).sync(operations) }
        // Not before: what is tried again after a full disk has to sync them too.
        known.formUnion(made)
    }

    private func temporary(_ number: Int) -> String { "\(layout.temporary)/\(number)" }

    /// Writes all files before it syncs the first, on the way back: they then share most of the disk's work.
    private func write(_ files: ArraySlice<File>, number: Int) throws(AuditLogError) {
        guard let next = files.first else { return }
        let file = try OpenFile(temporary(number), .creating)
        try file.write(next.bytes[...], at: 0, operations)
        file.beginWriteback()
        try write(files.dropFirst(), number: number + 1)
        try file.sync(operations)
    }

    /// Makes the directories above a path.
    ///
    /// Each one's parent is synced once, even when it was there already: the run that made it may have ended before it
    /// could.
    private func makeParents(
        of path: String, changed: inout Set<String>, made: inout Set<String>
    ) throws(AuditLogError) {
        let parent = DurableFiles.parent(of: path)
        guard !parent.isEmpty, !known.contains(parent), made.insert(parent).inserted else { return }
        try makeParents(of: parent, changed: &changed, made: &made)
        let directory = "\(layout.directory)/\(parent)"
        try Directory(directory).make()
        changed.insert(DurableFiles.parent(of: directory))
    }

    /// Removes the partial tiles or bundles of a place whose full one is in place.
    mutating func removePartials(of tile: TilePath) throws(AuditLogError) {
        let directory = Directory("\(layout.directory)/\(tile.partialDirectory)")
        try directory.removeFiles()
        directory.removeIfEmpty()
        known.remove(tile.partialDirectory)
    }

    /// What stands before the last slash; empty when there is none.
    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return String(path[..<slash])
    }
}
