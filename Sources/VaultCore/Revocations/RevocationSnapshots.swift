import AuditLog
import Logging
import StrictEncoding
import Synchronization

/// Writes a snapshot of what is in force from time to time, so that a start need not search the whole log.
final class RevocationSnapshots: Sendable {
    private struct State {
        /// The place of the last snapshot.
        var saved: VerifiedReplay.Place?
        /// How the log was when it was last looked at.
        var seen: LogStatus?
        var signers: [any CheckpointSigner]
    }

    /// How far the log grows between two snapshots: a start searches about as much.
    static let growth: UInt64 = 4096
    /// How often the log is looked at.
    static let period = Duration.seconds(5)

    private let path: String
    private let origin: String
    private let logger: Logger
    private let state: Mutex<State>

    /// A writer beside a log; the first signer whose token is there signs.
    init(_ settings: CoreSettings, signers: [any CheckpointSigner], logger: Logger) {
        path = Self.path(settings)
        origin = settings.logOrigin
        self.logger = logger
        state = Mutex(State(signers: signers))
    }

    /// Signs with other keys from the next snapshot on.
    func replace(signers: [any CheckpointSigner]) { state.withLock { $0.signers = signers } }

    /// Beside the log, since the log's directory holds its own files alone.
    static func path(_ settings: CoreSettings) -> String { settings.logDirectory + ".in-force" }

    /// Writes one if the log has grown enough since the last.
    ///
    /// The log counts a leaf a moment before its owner hears of it. So the place is the checkpoint seen the last time: the
    /// log has grown since, and so every leaf before it has been heard of.
    func saveIfGrown(
        _ log: LogStatus, _ revocations: LiveRevocations, _ standing: StandingLeaves, now: UnixTime
    ) async {
        let covered: VerifiedReplay.Place? = state.withLock { state in
            defer { state.seen = log }
            guard let seen = state.seen, (seen.shard, seen.size) < (log.shard, log.size), let place = seen.place else {
                return nil
            }
            guard let saved = state.saved, saved.shard == place.shard else { return place }
            return place.size >= saved.size + Self.growth ? place : nil
        }
        if let covered { await save(at: covered, revocations, standing, now: now) }
    }

    /// Writes one for a log that nobody writes to: it has just been opened, or closed.
    func saveAtRest(
        _ log: LogStatus, _ revocations: LiveRevocations, _ standing: StandingLeaves, now: UnixTime
    ) async {
        if let place = log.place { await save(at: place, revocations, standing, now: now) }
    }

    /// A failure only makes the next start slower.
    private func save(
        at place: VerifiedReplay.Place, _ revocations: LiveRevocations, _ standing: StandingLeaves, now: UnixTime
    ) async {
        let snapshot = RevocationSnapshot(
            origin: origin, place: place, entries: standing.all + revocations.entries(now: now.seconds))
        var reason = "there is no checkpoint key"
        for signer in state.withLock({ $0.signers }) {
            do {
                try await snapshot.save(path, signer: signer)
                return state.withLock { $0.saved = place }
            } catch {
                reason = "\(error)"
            }
        }
        logger.warning("the list of entries in force was not saved", metadata: ["reason": "\(reason)"])
    }
}

extension LogStatus {
    /// The place of the last checkpoint; nil before the first of the shard.
    fileprivate var place: VerifiedReplay.Place? {
        checkpoint.flatMap { $0.size > 0 ? .init(shard: shard, size: $0.size, root: $0.root) : nil }
    }
}
