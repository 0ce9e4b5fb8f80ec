import StrictEncoding

/// Brings a log back from its directory: checkpoint, right edge, journal, and whether they fit together.
///
/// Its cost does not grow with the log: what lies left of the right edge is `LogVerifier`'s to check.
struct LogRecovery {
    /// What a log goes on from.
    struct Result {
        /// The tree of the checkpoint.
        var tree = TileTree()
        /// The entries of its last, partial bundle.
        var bundle = EntryBundle()
        /// How many entries of the journal the checkpoint does not cover; there may be more than memory should hold.
        var tailCount: UInt64 = 0
        /// The first of them, in a log without a checkpoint.
        var firstOfTail: [UInt8]?
        var checkpoint: Checkpoint?
        var checkpointBytes: [UInt8]?
        var checkpointTime: UnixTime?
        var firstTime: UnixTime?
        var lastTime: UnixTime?
        var segments: [JournalReader.Segment] = []

        /// How many entries there are.
        var size: UInt64 { tree.size + tailCount }
        /// Whether there is neither a checkpoint nor an entry.
        var isEmpty: Bool { checkpoint == nil && tailCount == 0 }
    }

    private let layout: LogLayout
    private let keys: [VerifierKey]
    private let origin: String
    private var result = Result()
    /// Level 0 hashes of the tile that was compared last with the journal.
    private var compared: (path: TilePath, hashes: [MerkleHash])?

    /// Recovers the log of a directory.
    static func recover(
        layout: LogLayout, origin: String, keys: [VerifierKey]
    ) throws(AuditLogError) -> Result {
        var recovery = LogRecovery(layout: layout, keys: keys, origin: origin)
        try recovery.readCheckpoint()
        try recovery.readRightEdge()
        try recovery.readJournal()
        recovery.readFirstTime()
        return recovery.result
    }

    private init(layout: LogLayout, keys: [VerifierKey], origin: String) {
        self.layout = layout
        self.keys = keys
        self.origin = origin
    }

    private mutating func readCheckpoint() throws(AuditLogError) {
        guard let bytes = try OpenFile.contentsIfPresent(of: layout.checkpoint) else {
            let hasTiles = try !Directory(layout.directory + "/tile").list().isEmpty
            if hasTiles, try !hasWholeJournal() {
                throw AuditLogError(.missingFile, "there are tiles but no checkpoint", path: layout.checkpoint)
            }
            return
        }
        let checkpoint: Checkpoint
        do throws(AuditLogError) {
            let note = try SignedNote(parsing: bytes)
            checkpoint = try Checkpoint(text: note.text)
            try note.verified(by: keys)
        } catch {
            throw AuditLogError(error.code, error.reason, path: layout.checkpoint)
        }
        guard checkpoint.origin.hasSameBytes(as: origin) else {
            throw AuditLogError(.wrongOrigin, "the checkpoint is of another log", path: layout.checkpoint)
        }
        result.checkpointTime = try OpenFile(layout.checkpoint, .reading).modified()
        result.checkpoint = checkpoint
        result.checkpointBytes = bytes
    }

    /// Before the first checkpoint there may be full tiles already; then the journal still has every entry.
    private func hasWholeJournal() throws(AuditLogError) -> Bool {
        let segments = try JournalReader(directory: layout.journal).read { _, _ in }
        return segments.lazy.compactMap(\.entries).first?.lowerBound == 0
    }

    /// The hashes at the right edge must give the checkpoint's root, and the last entries those hashes.
    private mutating func readRightEdge() throws(AuditLogError) {
        guard let checkpoint = result.checkpoint else { return }
        let layout = layout
        do {
            result.tree = try TileTree(size: checkpoint.size) { path throws(AuditLogError) in try layout.hashes(path) }
        } catch {
            guard error.code == .missingFile else { throw error }
            throw AuditLogError(.rolledBack, "the checkpoint is newer than the tiles", path: error.path)
        }
        guard result.tree.root.bytes == checkpoint.root else {
            throw AuditLogError(.badRoot, "the tiles do not give the checkpoint's root", path: layout.checkpoint)
        }
        let edge = result.tree.levels[0]
        guard !edge.isEmpty else { return }
        let path = TilePath(.entries, index: checkpoint.size / UInt64(TilePath.width), partialWidth: edge.count)
        result.bundle = try layout.bundle(path)
        for (entry, hash) in zip(try EntryBundle.entries(in: result.bundle.bytes, path: "\(path)"), edge) {
            guard MerkleHash.leaf(result.bundle.bytes[entry]) == hash else {
                throw AuditLogError(.badBundle, "an entry is not what the tree says", path: layout.path(path))
            }
        }
    }

    private mutating func readJournal() throws(AuditLogError) {
        let covered = result.tree.size
        var last: [UInt8]?
        var this = self
        let segments = try JournalReader(directory: layout.journal).read { (record, bytes) throws(AuditLogError) in
            if record.index >= covered {
                if this.result.tailCount == 0 { this.result.firstOfTail = Array(bytes[record.entry]) }
                this.result.tailCount += 1
            } else {
                try this.compare(record)
            }
            if record.index + 1 >= covered { last = Array(bytes[record.entry]) }
        }
        self = this
        result.segments = segments
        try checkExtent()
        if let last { result.lastTime = try LogRecovery.time(of: last, path: layout.journal) }
    }

    /// How old the shard is, by its first entry; left of the right edge damage is for `LogVerifier` to find, not here.
    private mutating func readFirstTime() {
        var first = result.firstOfTail
        if let checkpoint = result.checkpoint {
            let width = Int(clamping: checkpoint.size)
            let path = TilePath(.entries, index: 0, partialWidth: width < TilePath.width ? width : nil)
            let bytes = (try? layout.bundle(path))?.bytes ?? []
            let entries = try? EntryBundle.entries(in: bytes, path: layout.path(path))
            first = entries?.first.map { Array(bytes[$0]) }
        }
        result.firstTime = first.flatMap { try? LogRecovery.time(of: $0, path: layout.directory) }
    }

    /// The journal must belong to this log, begin no later than the checkpoint ends, and reach it.
    private func checkExtent() throws(AuditLogError) {
        let expected = SegmentHeader(sequence: 0, size: 0, origin: origin).origin
        for segment in result.segments where segment.header.origin != expected {
            throw AuditLogError(.wrongOrigin, "the journal is of another log", path: segment.path)
        }
        let size = result.tree.size
        let entries = result.segments.compactMap(\.entries)
        guard let first = entries.first, let last = entries.last else {
            guard size == 0 else {
                throw AuditLogError(.rolledBack, "the journal has lost its entries", path: layout.journal)
            }
            return
        }
        guard first.lowerBound <= size else {
            throw AuditLogError(
                .rolledBack, "entries \(size) to \(first.lowerBound - 1) are in neither tiles nor journal",
                path: layout.journal)
        }
        guard last.upperBound >= size else {
            throw AuditLogError(.rolledBack, "the checkpoint is newer than the journal", path: layout.journal)
        }
    }

    /// An entry that a checkpoint covers must hash to what the tiles say.
    private mutating func compare(_ record: JournalRecord) throws(AuditLogError) {
        let width = UInt64(TilePath.width)
        let (tile, offset) = record.index.quotientAndRemainder(dividingBy: width)
        let isFull = (tile + 1) * width <= result.tree.size
        let path = TilePath(
            .hashes(level: 0), index: tile, partialWidth: isFull ? nil : Int(result.tree.size % width))
        if compared?.path != path {
            compared = (path, try layout.hashes(path))
        }
        guard compared?.hashes[Int(offset)] == record.hash else {
            throw AuditLogError(
                .badTile, "entry \(record.index) of the journal is not in the tiles", path: layout.path(path))
        }
    }

    /// The time an entry carries, whatever its kind.
    static func time(of entry: [UInt8], path: String) throws(AuditLogError) -> UnixTime {
        guard let value = try? JSONParser.parse(entry), let text = value.object?["time"]?.string,
            let time = UnixTime(rfc3339: text)
        else { throw AuditLogError(.corruptJournal, "the last entry has no time", path: path) }
        return time
    }
}
