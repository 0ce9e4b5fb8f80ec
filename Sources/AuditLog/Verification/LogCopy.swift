import StrictEncoding

/// A collector's copy of a log: the newest shard at a path and those before it beside it, as at the source.
///
/// What the source says is held against the copy: a checkpoint that is older than the copy's, or does not continue it, is
/// refused. Then the copy is the evidence of what the log was, and the checkpoint that was refused is kept beside it.
package struct LogCopy: Sendable {
    /// Gives a file of the source by its path and shard; nil when there is none.
    package typealias Source = @Sendable (_ path: String, _ shard: UInt64) async throws -> [UInt8]?

    /// What an update has done.
    package struct Outcome: Sendable, Equatable {
        /// How many files came.
        package var files = 0
        /// The shards that were pruned at the source before the copy had all of them; of each it has what is left.
        package var pruned: [UInt64] = []
        /// The shards whose entries the source has not, although it says nothing of a pruning.
        package var incomplete: [UInt64] = []
    }

    /// A log that is being written removes partial tiles that it has outgrown: then its newer checkpoint is asked for.
    private static let attempts = 5
    /// How many files are put in place together.
    private static let filesAtOnce = 16

    let series: LogSeries
    let source: Source

    /// The copy at a path, which need not exist yet; its parent must.
    package init(directory: String, source: @escaping Source) {
        series = LogSeries(directory: directory)
        self.source = source
    }

    /// Fetches what is new, the oldest shard first and in each the checkpoint last.
    ///
    /// - Parameters:
    ///   - current: The number of the shard that the source writes.
    ///   - progress: Called now and then with shard and number of files.
    /// - Returns: What was done.
    /// - Throws: `rolledBack` or `wrongOrigin` when the source contradicts the copy, which is left as it was; what the
    ///   source throws.
    package func update(
        current: UInt64, progress: (_ shard: UInt64, _ files: Int) -> Void = { _, _ in }
    ) async throws -> Outcome {
        var newest = max(1, current)
        var note = try await source("checkpoint", newest)
        // A shard that has just begun has no checkpoint yet.
        if note == nil, newest > 1 {
            newest -= 1
            note = try await source("checkpoint", newest)
        }
        guard let note else {
            guard try held(series.directory) == nil else {
                throw AuditLogError(
                    .rolledBack, "the source has no checkpoint any more; the copy is left as it was",
                    path: series.directory)
            }
            return Outcome()
        }
        let log = try LogSeries.log(of: Checkpoint(text: SignedNote(parsing: note).text).origin, shard: newest)
        var outcome = Outcome()
        outcome.files += try await setAside(newest: newest, log: log, note: note, progress: progress)
        for shard in 1...newest {
            let directory = shard == newest ? series.directory : series.path(shard)
            let files = try await update(shard, at: directory, origin: LogSeries.origin(log, shard)) {
                progress(shard, $0)
            }
            if let files {
                outcome.files += files
            } else if shard < newest, let left = try await takeWhatIsLeft(shard, at: directory) {
                outcome.files += left
                outcome.pruned.append(shard)
            } else {
                outcome.incomplete.append(shard)
            }
            if files == nil, shard == newest {
                throw AuditLogError(.missingFile, "the source has not the tiles of its checkpoint", path: directory)
            }
        }
        return outcome
    }

    /// Where the source has begun a new shard, what was the newest here is a closed one now.
    ///
    /// Before it is moved it gets all that the source has of it: what contradicts it leaves it where it is.
    private func setAside(
        newest: UInt64, log: String, note: [UInt8], progress: (_ shard: UInt64, _ files: Int) -> Void
    ) async throws -> Int {
        guard let held = try held(series.directory) else {
            guard let last = try series.closed().last, last >= newest else { return 0 }
            throw try refusal(newest, note, "shard \(newest) is the newest, but the copy has shard \(last)")
        }
        guard let number = LogSeries.number(of: held.origin, log: log) else {
            throw AuditLogError(
                .wrongOrigin, "is a copy of \(held.origin), and the source is \(log)", path: series.directory)
        }
        guard number <= newest else {
            throw try refusal(newest, note, "shard \(newest) is the newest, but the copy has shard \(number)")
        }
        guard number < newest else { return 0 }
        let path = series.path(number)
        guard try Directory(path).list().isEmpty else {
            throw AuditLogError(
                .unexpectedFile,
                "is there already, but \(series.directory) holds shard \(number) too: verify both, and move one away",
                path: path)
        }
        let files = try await update(number, at: series.directory, origin: LogSeries.origin(log, number)) {
            progress(number, $0)
        }
        let failure = FileOperations.system.rename(series.directory, path)
        guard failure == 0 else { throw AuditLogError.space("rename", failure, path: path) }
        try Directory.parent(of: path).sync(.system)
        return files ?? 0
    }

    /// Takes what is left of a shard that was pruned; nil when the source does not say that it was.
    ///
    /// A copy that had entries of it keeps them, and gets nothing.
    private func takeWhatIsLeft(_ shard: UInt64, at directory: String) async throws -> Int? {
        guard let retained = try await source("retained", shard), let note = try await source("checkpoint", shard)
        else {
            return nil
        }
        let layout = LogLayout(directory)
        guard try held(directory) == nil else { return 0 }
        // Tiles that came before it was pruned are not all of them, and would make it look like a shard that has its entries.
        try Directory(layout.directory + "/tile").removeTree(.system)
        try Directory(layout.temporary).make()
        var files = DurableFiles(layout: layout, operations: .system)
        try files.put([.init(path: "retained", bytes: retained)])
        try files.put([.init(path: "checkpoint", bytes: note)])
        try Directory(layout.temporary).removeTree(.system)
        return 2
    }

    /// Brings one shard up to the source's checkpoint; nil when the source has its entries no more.
    private func update(
        _ shard: UInt64, at directory: String, origin: String, progress: (_ files: Int) -> Void
    ) async throws -> Int? {
        for _ in 1...Self.attempts {
            // Before the checkpoint, which may be newer than what was cosigned, and never older.
            let witnessed = try await source("witnessed", shard)
            guard let note = try await source("checkpoint", shard) else {
                throw AuditLogError(.missingFile, "the source has no checkpoint of shard \(shard)", path: directory)
            }
            let checkpoint = try Checkpoint(text: SignedNote(parsing: note).text)
            guard checkpoint.origin.hasSameBytes(as: origin) else {
                throw try refusal(shard, note, "the checkpoint is of \(checkpoint.origin), not of \(origin)")
            }
            guard try OpenFile.contentsIfPresent(of: LogLayout(directory).checkpoint) != note else {
                return try keep(witnessed, in: directory)
            }
            if let held = try held(directory) {
                guard let fault = try await contradiction(shard, held, checkpoint) else { continue }
                guard fault.isEmpty else { throw try refusal(shard, note, fault) }
            }
            let files = try await fetch(shard, checkpoint, note, to: directory, progress)
            if let files { return files + (try keep(witnessed, in: directory)) }
        }
        return nil
    }

    private func fetch(
        _ shard: UInt64, _ checkpoint: Checkpoint, _ note: [UInt8], to directory: String,
        _ progress: (_ files: Int) -> Void
    ) async throws -> Int? {
        let layout = LogLayout(directory)
        var files = DurableFiles(layout: layout, operations: .system)
        var waiting: [DurableFiles.File] = []
        var count = 1
        for path in [layout.directory, layout.temporary] { try Directory(path).make() }
        for path in LogFiles.paths(size: checkpoint.size) {
            guard try !Self.exists("\(layout.directory)/\(path)") else { continue }
            guard let bytes = try await source(path, shard) else { return nil }
            waiting.append(.init(path: path, bytes: bytes))
            count += 1
            guard waiting.count == Self.filesAtOnce else { continue }
            try files.put(waiting)
            waiting = []
            progress(count)
        }
        try files.put(waiting)
        try files.put([.init(path: "checkpoint", bytes: note)])
        try Directory(layout.temporary).removeTree(.system)
        return count
    }

    private static func exists(_ path: String) throws(AuditLogError) -> Bool {
        do throws(AuditLogError) {
            _ = try OpenFile(path, .reading)
            return true
        } catch {
            guard error.code == .missingFile else { throw error }
            return false
        }
    }

    /// Keeps what witnesses have cosigned, where that is news: it may come after the checkpoint, also that of a closed shard.
    private func keep(_ witnessed: [UInt8]?, in directory: String) throws(AuditLogError) -> Int {
        let layout = LogLayout(directory)
        guard let witnessed, try OpenFile.contentsIfPresent(of: layout.witnessed) != witnessed else { return 0 }
        try Directory(layout.temporary).make()
        var files = DurableFiles(layout: layout, operations: .system)
        try files.put([.init(path: "witnessed", bytes: witnessed)])
        try Directory(layout.temporary).removeTree(.system)
        return 1
    }

    /// The checkpoint that a copy has; nil where there is none yet.
    private func held(_ directory: String) throws(AuditLogError) -> Checkpoint? {
        let path = LogLayout(directory).checkpoint
        guard let bytes = try OpenFile.contentsIfPresent(of: path) else { return nil }
        do throws(AuditLogError) {
            return try Checkpoint(text: SignedNote(parsing: bytes).text)
        } catch {
            throw AuditLogError(error.code, error.reason, path: path)
        }
    }

    /// Keeps a checkpoint that was refused beside the copy, and says so.
    private func refusal(_ shard: UInt64, _ note: [UInt8], _ problem: String) throws(AuditLogError) -> AuditLogError {
        let digest = MerkleHash.leaf(note[...]).bytes.prefix(8)
        let path = "\(series.directory).refused-\(Hexadecimal.string(digest))"
        try LastCheckpoint(path: path).write(note, .system)
        return AuditLogError(
            .rolledBack,
            "the source contradicts the copy in shard \(shard): \(problem). The copy is left as it was, and what the source "
                + "said is in \(path): together they are the evidence. See docs/audit.md, \"Getting a copy\"",
            path: series.directory)
    }
}
