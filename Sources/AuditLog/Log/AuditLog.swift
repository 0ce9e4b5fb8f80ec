import StrictEncoding
import Synchronization

/// The tamper-evident audit log at one path, as its only writer.
///
/// An entry becomes a leaf of an RFC 6962 tree once it is durable in the journal. Tiles, entry bundles and signed
/// checkpoints (C2SP tlog-tiles, signed-note, tlog-checkpoint) are derived from there: every `checkpointInterval`, but
/// no more often than once in 40 times what a signature takes (`SignerPace`). A tree that has become large or old is closed, and the
/// next one begins with its final checkpoint (`LogSeries`). After a failed write or sync nothing more is recorded, and
/// `onFatal` is called once.
package final class AuditLog: Sendable {
    struct Held: Sendable {
        let entry: PendingEntry
        let usesReserve: Bool
    }

    struct State {
        /// Nil only while the log is being opened.
        var shard: LogShard?
        /// Entries that came while one shard gives way to the next; nil at all other times.
        var held: [Held]?
        var rollOver: Task<Void, Never>?
        var isClosed = false
        /// Why the last roll-over came to nothing, and when the next is tried.
        var rollOverProblem: (error: AuditLogError, until: ContinuousClock.Instant)?
    }

    let settings: LogShard.Settings
    let series: LogSeries
    let state = Mutex(State())
    /// Held for the log's whole life: a shard's own lock moves away with it.
    private let lock: DirectoryLock

    init(settings: LogShard.Settings, lock: DirectoryLock) {
        self.settings = settings
        self.lock = lock
        series = LogSeries(directory: settings.directory)
    }

    /// Records an entry; `completion` is called once, when the leaf is durable or the entry was refused.
    ///
    /// It runs on a thread of the log, which waits for it, or within this call when the entry is refused at once. After
    /// `deadline` an entry is refused, and one that was not being written by then never is.
    package func append(
        _ entry: Entry, by deadline: ContinuousClock.Instant? = nil,
        completion: @escaping @Sendable (Result<Leaf, AuditLogError>) -> Void
    ) {
        do {
            var pending = PendingEntry(prepared: try entry.prepared(), completion: completion)
            pending.releases = entry.kind.releases
            pending.needsCheckpoints = entry.kind.needsCheckpoints
            pending.deadline = deadline
            add(pending, usesReserve: entry.kind.usesReserve)
        } catch {
            completion(.failure(error))
        }
    }

    /// Records an entry and returns its leaf once that is durable.
    package func append(
        _ entry: Entry, by deadline: ContinuousClock.Instant? = nil
    ) async throws(AuditLogError) -> Leaf {
        let result = await withCheckedContinuation { continuation in
            append(entry, by: deadline) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Takes over the clock as it is, where the log would refuse it: behind the last leaf, or after a jump.
    ///
    /// The leaf that says so is the only one whose time may be before its predecessor's.
    ///
    /// - Parameters:
    ///   - operator: The person who vouches for the clock.
    ///   - reason: Why it is right, in a few words.
    /// - Returns: The leaf that says so.
    /// - Throws: What kept the leaf from being recorded.
    package func acceptTime(operator: String, reason: String) async throws(AuditLogError) -> Leaf {
        var entry = Entry(kind: .logTimeAccepted)
        entry.operator = `operator`
        entry.reason = reason
        if let last = status.lastTime { entry.detail = ["last_leaf": last.rfc3339] }
        settings.options.complete(&entry)
        let prepared = try entry.prepared()
        let result = await withCheckedContinuation { continuation in
            add(
                PendingEntry(prepared: prepared, completion: { continuation.resume(returning: $0) }, time: .vouchedFor),
                usesReserve: true)
        }
        return try result.get()
    }

    /// Records an entry of the log's own that counts only once a checkpoint covers it.
    func appendUnderCheckpoint(_ entry: Entry) async -> Result<Leaf, AuditLogError> {
        await withCheckedContinuation { continuation in
            do throws(AuditLogError) {
                var pending = PendingEntry(prepared: try entry.prepared()) { continuation.resume(returning: $0) }
                pending.waitsForCheckpoint = true
                add(pending, usesReserve: entry.kind.usesReserve)
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
    }

    private func add(_ entry: PendingEntry, usesReserve: Bool) {
        let refusal: AuditLogError? = state.withLock { state in
            guard state.held != nil else {
                return state.shard.map { $0.add(entry, usesReserve: usesReserve) }
                    ?? AuditLogError(.closed, "the log is not open")
            }
            guard !state.isClosed else { return AuditLogError(.closed, "the log is closed") }
            guard (state.held?.count ?? 0) < settings.options.queueCapacity else {
                return AuditLogError(.saturated, "too many entries are waiting")
            }
            state.held?.append(Held(entry: entry, usesReserve: usesReserve))
            return nil
        }
        if let refusal { entry.completion(.failure(refusal)) }
    }

    /// The log's state at this moment; sizes and times are those of the shard that is written.
    package var status: LogStatus {
        let (shard, problem) = state.withLock { ($0.shard, $0.rollOverProblem?.error) }
        var status = shard?.status ?? LogStatus()
        status.rollOverProblem = problem
        return status
    }

    /// Whether nothing may be released for want of a checkpoint; asked for every credential.
    package var isCheckpointOverdue: Bool { state.withLock { $0.shard }?.isCheckpointOverdue ?? false }

    /// Those who cosign the log's checkpoints; nil when nobody does.
    package var witnesses: Witnesses? { settings.options.witnesses }

    /// Takes nothing more, commits what waits, makes the last checkpoint and lets another writer in.
    ///
    /// Throws `failed` when the log had failed, and `notSigned` when the last checkpoint could not be had; the entries
    /// are in the journal then, and the next start covers them.
    package func close() async throws(AuditLogError) {
        let rollOver = state.withLock { state in
            state.isClosed = true
            return state.rollOver
        }
        await rollOver?.value
        defer { lock.release() }
        if let shard = state.withLock({ $0.shard }) { try await shard.close() }
    }
}
