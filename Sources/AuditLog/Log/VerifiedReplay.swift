import StrictEncoding

/// Reads entries out of a log's files and believes none that no signed checkpoint covers, but for the journal's tail.
///
/// What a core takes to be in force at its start comes from here, so whoever holds the log's disk may not have a word in
/// it: each entry is hashed, and the roots must be those of the checkpoints; each shard must begin with the final
/// checkpoint of the one before; of a pruned one a later shard must say what was kept. The newest checkpoint must be
/// signed by a key that still counts; those before it count because it covers them.
package struct VerifiedReplay {
    /// A place in a log, with the root of the tree of all entries before it.
    package struct Place: Sendable, Equatable {
        /// Which shard, counted from 1.
        package let shard: UInt64
        /// How many of its entries lie before.
        package let size: UInt64
        /// The root of the tree that they make up.
        package let root: [UInt8]

        /// A place in a log.
        package init(shard: UInt64, size: UInt64, root: [UInt8]) {
            (self.shard, self.size, self.root) = (shard, size, root)
        }
    }

    private let series: LogSeries
    private let origin: String
    private let keys: [VerifierKey]
    private let wanted: EntryKindScan
    private var found: [Entry] = []
    private var prunings = PruningRecords()
    /// The final checkpoint of the shard before; nil in the first that is read.
    private var previous: Checkpoint?
    /// The newest shard with a checkpoint.
    private let anchor: UInt64

    /// Reads the entries of some kinds, in the order of the log.
    ///
    /// - Parameters:
    ///   - directory: The log's path; it may be open for writing.
    ///   - origin: The log's name.
    ///   - keys: Those that may have signed its checkpoints.
    ///   - kinds: Which entries are wanted.
    ///   - place: From where on; nil, or a place that is none of this log's history, means from its first entry.
    /// - Returns: Those entries.
    /// - Throws: `badRoot`, `badBundle`, `badSignature`, `rolledBack` or `missingFile` when the files are not what was
    ///   recorded.
    package static func entries(
        directory: String, origin: String, keys: [VerifierKey], kinds: Set<Entry.Kind>, from place: Place?
    ) throws(AuditLogError) -> [Entry] {
        let series = LogSeries(directory: directory)
        let shards = try series.shards()
        var anchor: UInt64 = 0
        for shard in shards where try OpenFile.contentsIfPresent(of: LogLayout(shard.directory).checkpoint) != nil {
            anchor = shard.number
        }
        var replay = VerifiedReplay(
            series: series, origin: origin, keys: keys, wanted: EntryKindScan(kinds), anchor: anchor)
        let start = try place.flatMap { (place) throws(AuditLogError) in try replay.start(at: place, shards) }
        let first = start == nil ? 1 : place?.shard ?? 1
        for (offset, shard) in shards.filter({ $0.number >= first }).enumerated() {
            guard shard.number == first + UInt64(offset) else {
                throw AuditLogError(
                    .missingFile, "a closed shard is gone", path: series.path(first + UInt64(offset)))
            }
            let range = (offset == 0 ? start : nil) ?? CompactRange()
            try replay.read(shard.number, shard.directory, from: range, isLast: shard.number == shards.last?.number)
        }
        try replay.prunings.check()
        return replay.found
    }

    private init(
        series: LogSeries, origin: String, keys: [VerifierKey], wanted: EntryKindScan, anchor: UInt64
    ) {
        (self.series, self.origin, self.keys, self.wanted, self.anchor) = (series, origin, keys, wanted, anchor)
    }

    /// The tree at a place; nil when the log that is there has not this one at its start, or not its tiles any more.
    private func start(
        at place: Place, _ shards: [(number: UInt64, directory: String)]
    ) throws(AuditLogError) -> CompactRange? {
        guard place.size > 0, let shard = shards.first(where: { $0.number == place.shard }),
            try !LogSeries.isPruned(shard.directory),
            let checkpoint = try checkpoint(shard.number, LogLayout(shard.directory)), place.size <= checkpoint.size
        else { return nil }
        // Whatever the tiles say, the root is another one then; that they lead on to the checkpoint is seen at its end.
        let reader = TileReader(LogLayout(shard.directory), size: checkpoint.size)
        guard let peaks = try? reader.peaks(of: place.size) else { return nil }
        let range = CompactRange(size: place.size, peaks: peaks)
        return range.root.bytes == place.root ? range : nil
    }

    /// The checkpoint of a shard; nil before the first.
    private func checkpoint(_ number: UInt64, _ layout: LogLayout) throws(AuditLogError) -> Checkpoint? {
        guard let bytes = try OpenFile.contentsIfPresent(of: layout.checkpoint) else { return nil }
        do throws(AuditLogError) {
            let note = try SignedNote(parsing: bytes)
            let checkpoint = try Checkpoint(text: note.text)
            if number >= anchor { try note.verified(by: named(number)) }
            guard checkpoint.origin.hasSameBytes(as: LogSeries.origin(origin, number)) else {
                throw AuditLogError(.wrongOrigin, "the checkpoint is of another log")
            }
            return checkpoint
        } catch {
            throw AuditLogError(error.code, error.reason, path: layout.checkpoint)
        }
    }

    private func named(_ number: UInt64) throws(AuditLogError) -> [VerifierKey] {
        var named: [VerifierKey] = []
        for key in keys { named.append(try key.named(LogSeries.origin(origin, number))) }
        return named
    }

    private mutating func read(
        _ number: UInt64, _ directory: String, from start: CompactRange, isLast: Bool
    ) throws(AuditLogError) {
        if try LogSeries.isPruned(directory) { return try readPruned(number, directory) }
        let layout = LogLayout(directory)
        var range = start
        while true {
            let size = range.size
            let checkpoint = try checkpoint(number, layout)
            guard checkpoint != nil || isLast else {
                throw AuditLogError(.missingFile, "a closed shard has no checkpoint", path: layout.checkpoint)
            }
            if let checkpoint { try readCovered(number, layout, checkpoint, &range) }
            guard isLast else {
                previous = checkpoint
                return
            }
            do throws(AuditLogError) {
                return try readTail(number, layout, after: range.size)
            } catch {
                // A log that is being written may have covered and reused the journal in the meantime.
                let hasMoved = try self.checkpoint(number, layout).map { $0.size > range.size } ?? false
                guard hasMoved, range.size >= size else { throw error }
            }
        }
    }

    private mutating func readPruned(_ number: UInt64, _ directory: String) throws(AuditLogError) {
        let contents = try PrunedShard(directory: directory).contents(
            keys: number >= anchor ? named(number) : nil, origin: LogSeries.origin(origin, number))
        for (index, bytes) in contents.entries {
            if index == 0 { try checkOpening(bytes[...], directory) }
            try take(bytes[...], of: number, isCovered: true)
        }
        guard contents.entries.first?.index == 0 else {
            throw AuditLogError(.rolledBack, "the first entry of a pruned shard is gone", path: directory)
        }
        prunings.add(contents.record, of: number, in: directory)
        previous = contents.checkpoint
    }

    /// Entries that a checkpoint covers: with all of them the root must be its root.
    private mutating func readCovered(
        _ number: UInt64, _ layout: LogLayout, _ checkpoint: Checkpoint, _ range: inout CompactRange
    ) throws(AuditLogError) {
        let width = UInt64(TilePath.width)
        while range.size < checkpoint.size {
            let (place, offset) = range.size.quotientAndRemainder(dividingBy: width)
            let isFull = (place + 1) * width <= checkpoint.size
            let path = TilePath(.entries, index: place, partialWidth: isFull ? nil : Int(checkpoint.size % width))
            let bundle = try layout.bundle(path)
            let entries = try EntryBundle.entries(in: bundle.bytes, path: layout.path(path))
            for entry in entries.dropFirst(Int(offset)) {
                let bytes = bundle.bytes[entry]
                if range.size == 0 { try checkOpening(bytes, layout.directory) }
                range.append(.leaf(bytes))
                try take(bytes, of: number, isCovered: true)
            }
        }
        guard range.root.bytes == checkpoint.root else {
            throw AuditLogError(.badRoot, "the entries do not give the checkpoint's root", path: layout.checkpoint)
        }
    }

    /// Entries that no checkpoint covers yet: the part of the log that is as true as its disk.
    private mutating func readTail(
        _ number: UInt64, _ layout: LogLayout, after size: UInt64
    ) throws(AuditLogError) {
        var tail = self
        try JournalTail.forEach(layout, after: size) { (index, entry) throws(AuditLogError) in
            if index == 0 { try tail.checkOpening(entry, layout.directory) }
            try tail.take(entry, of: number, isCovered: false)
        }
        self = tail
    }

    private mutating func take(
        _ bytes: ArraySlice<UInt8>, of shard: UInt64, isCovered: Bool
    ) throws(AuditLogError) {
        if wanted.matches(bytes) { found.append(try Entry(jsonBytes: Array(bytes))) }
        if isCovered { prunings.look(at: bytes, of: shard) }
    }

    private func checkOpening(_ first: ArraySlice<UInt8>, _ directory: String) throws(AuditLogError) {
        if let previous { try ShardOpening.check(first, continues: previous, in: directory) }
    }
}
