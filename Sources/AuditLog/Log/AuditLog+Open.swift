import Dispatch
package import StrictEncoding
import Synchronization

extension AuditLog {
    /// Opens the log at a path, new or as a stop or crash left it.
    ///
    /// The directory is made (mode 0700) if its parent exists. The keys that verify its checkpoints are left beside it,
    /// in a file with the ending `.vkey`; one with the ending `.lock` keeps other writers out.
    ///
    /// - Parameters:
    ///   - directory: For this log alone; its files get mode 0600.
    ///   - origin: The log's name, also the name of the signers' keys.
    ///   - signers: Sign checkpoints; there may be none yet.
    ///   - clock: The time of entries.
    ///   - options: Intervals and bounds.
    ///   - onFatal: Called once, on a thread of the log, when nothing can be recorded any more: the process should
    ///     exit.
    /// - Returns: The log, ready to append.
    /// - Throws: `locked` when another process holds it; `badPlace` when closed shards could not be moved away from it;
    ///   `rolledBack`, `corruptJournal`, `badTile`, `badBundle`,
    ///   `badRoot`, `badSignature`, `wrongOrigin` or `missingFile` when the directory is not what was left there.
    package static func open(
        directory: String, origin: String, signers: CheckpointSigners, clock: @escaping @Sendable () -> UnixTime,
        options: AuditLogOptions = AuditLogOptions(), onFatal: @escaping @Sendable (AuditLogError) -> Void
    ) throws(AuditLogError) -> AuditLog {
        try open(
            directory: directory, origin: origin, signers: signers, clock: clock, options: options,
            operations: .system, onFatal: onFatal)
    }

    /// The same with one signer.
    package static func open(
        directory: String, origin: String, signer: any CheckpointSigner, clock: @escaping @Sendable () -> UnixTime,
        options: AuditLogOptions = AuditLogOptions(), onFatal: @escaping @Sendable (AuditLogError) -> Void
    ) throws(AuditLogError) -> AuditLog {
        try open(
            directory: directory, origin: origin, signers: CheckpointSigners([signer]), clock: clock,
            options: options, onFatal: onFatal)
    }

    /// The same, with system calls that tests can make fail.
    static func open(
        directory: String, origin: String, signers: CheckpointSigners, clock: @escaping @Sendable () -> UnixTime,
        options: AuditLogOptions, operations: FileOperations, onFatal: @escaping @Sendable (AuditLogError) -> Void
    ) throws(AuditLogError) -> AuditLog {
        precondition(
            options.segmentBytes >= 1 << 16 && options.segmentBytes % JournalRecord.pageBytes == 0,
            "a segment holds the largest entry and whole pages")
        for key in signers.verifierKeys where !key.name.hasSameBytes(as: origin) {
            throw AuditLogError(.wrongOrigin, "the checkpoint key's name must be the origin")
        }
        let path = LogLayout(directory).directory
        try Directory(path).make()
        try Directory(path).checkIsMovable()
        let lock = try DirectoryLock(log: path)
        let settings = LogShard.Settings(
            directory: directory, origin: origin, signers: signers, clock: clock,
            time: LogTime(maximumJump: options.maximumClockJump), options: options, operations: operations,
            onFatal: onFatal)
        let log = AuditLog(settings: settings, lock: lock)
        let shard = try log.openShard()
        log.state.withLock { $0.shard = shard }
        return log
    }

    /// Opens the shard that is to be written, and writes the entries that must come first in it.
    func openShard() throws(AuditLogError) -> LogShard {
        let number = try currentNumber()
        let record = settings.options.lastCheckpointFile.map { LastCheckpoint(path: $0) }
        var restoration: Restoration?
        var isEmpty = false
        let shard = try LogShard.open(settings, number: number, onTick: { [weak self] in self?.rollOverIfDue() }) {
            (layout, recovered) throws(AuditLogError) in
            isEmpty = recovered.isEmpty
            if isEmpty, number > 1, settings.time.last == nil, let last = try lastTime(ofShard: number - 1) {
                settings.time.advance(to: last)
            }
            guard let record else { return }
            do throws(AuditLogError) {
                if isEmpty, number == 1, settings.options.isExpected {
                    throw AuditLogError(
                        .rolledBack, "the log is gone: it has no entry, but had some", path: layout.directory)
                }
                try record.check(layout, recovered, number: number, origin: settings.origin, series: series)
            } catch {
                guard error.code == .rolledBack else { throw error }
                restoration = try Restoration.accepted(
                    record, as: recovered.checkpoint, origin: LogSeries.origin(settings.origin, number), fault: error,
                    reader: settings.options.restorationReader)
            }
            guard isEmpty, number == 1 else { return }
            try record.begin(origin: settings.origin, settings.operations)
        }
        try publishVerifierKeys()
        if isEmpty, number > 1 { try appendAtOnce(try opening(number), to: shard) }
        if let record, let restoration {
            try appendAtOnce(restoration.entry, to: shard)
            try restoration.finish(record, directory: settings.directory, settings.operations)
        }
        return shard
    }

    /// The number of the shard that is written: the one after the last closed one, which is seen to be of this log.
    ///
    /// A directory that somebody put beside the log under such a name, as a copy, is none.
    func currentNumber() throws(AuditLogError) -> UInt64 {
        guard let last = try series.closed().last else { return 1 }
        let path = series.path(last)
        let note = try OpenFile.contentsIfPresent(of: LogLayout(path).checkpoint)
        let origin = note.flatMap { try? Checkpoint(text: SignedNote(parsing: $0).text).origin }
        guard origin?.hasSameBytes(as: LogSeries.origin(settings.origin, last)) == true else {
            throw AuditLogError(
                .unexpectedFile, "is no closed shard of this log, but has the name of one: move it away", path: path)
        }
        return last + 1
    }

    /// The time of a closed shard's last entry, which the next one's must not be before; nil when it was pruned.
    private func lastTime(ofShard number: UInt64) throws(AuditLogError) -> UnixTime? {
        let directory = series.path(number)
        guard try !LogSeries.isPruned(directory) else { return nil }
        let bytes = try OpenFile.contents(of: LogLayout(directory).checkpoint)
        let size = try Checkpoint(text: SignedNote(parsing: bytes).text).size
        guard size > 0 else { return nil }
        var time: UnixTime?
        try LogReader(directory: directory).forEach(in: size - 1..<size) { (_, entry) throws(AuditLogError) in
            time = try LogRecovery.time(of: entry, path: directory)
        }
        return time
    }

    /// Records an entry of the log's own before anybody else can.
    private func appendAtOnce(_ entry: Entry, to shard: LogShard) throws(AuditLogError) {
        let done = DispatchSemaphore(value: 0)
        let result = Mutex<Result<Leaf, AuditLogError>?>(nil)
        var entry = entry
        settings.options.complete(&entry)
        var pending = PendingEntry(prepared: try entry.prepared()) { outcome in
            result.withLock { $0 = outcome }
            done.signal()
        }
        // A clock that is behind must not keep the log from opening: it says so, and waits for a person.
        pending.time = .notBefore
        if let refusal = shard.add(pending, usesReserve: true) { throw refusal }
        done.wait()
        if case .failure(let error) = result.withLock({ $0 }) { throw error }
    }

    /// The first entry of a shard: the final checkpoint of the one before.
    private func opening(_ number: UInt64) throws(AuditLogError) -> Entry {
        let layout = LogLayout(series.path(number - 1))
        let note = try SignedNote(parsing: OpenFile.contents(of: layout.checkpoint))
        var keys: [VerifierKey] = []
        for key in settings.signers.verifierKeys {
            keys.append(try key.named(LogSeries.origin(settings.origin, number - 1)))
        }
        try note.verified(by: keys)
        var entry = Entry(kind: .logShardOpened)
        entry.detail = Checkpoint.detail(try Checkpoint(text: note.text))
        return entry
    }

    /// Leaves the keys that verify checkpoints, under the names they have in each shard, where an auditor finds them.
    package func publishVerifierKeys() throws(AuditLogError) {
        let keys = settings.signers.verifierKeys
        guard !keys.isEmpty else { return }
        var text = ""
        for shard in try series.shards() {
            for key in keys {
                text += try key.named(LogSeries.origin(settings.origin, shard.number)).description + "\n"
            }
        }
        try LastCheckpoint(path: series.directory + ".vkey").write(Array(text.utf8), settings.operations)
    }
}

extension Checkpoint {
    /// The checkpoint as members of an entry's `detail`.
    static func detail(_ checkpoint: Checkpoint?, prefix: String = "previous") -> [String: String] {
        guard let checkpoint else { return ["\(prefix)_size": "0"] }
        return [
            "\(prefix)_origin": checkpoint.origin, "\(prefix)_size": String(checkpoint.size),
            "\(prefix)_root": StandardBase64.string(checkpoint.root),
        ]
    }
}
