import AuditLog
import Logging
import StrictEncoding
import Synchronization

/// Writes a snapshot of what is in force from time to time, so that a start need not search the whole log.
final class RevocationSnapshots: Sendable {
    private struct State {
        /// The place of the last snapshot.
        var saved = RevocationSnapshot.Position(shard: 0, size: 0)
        /// Where the log ended when it was last looked at.
        var seen = RevocationSnapshot.Position(shard: 0, size: 0)
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
    /// The log counts a leaf a moment before its owner hears of it. So the place is the one seen the last time: the log has
    /// grown since, and so every leaf before it has been heard of.
    func saveIfGrown(
        _ log: LogStatus, _ revocations: LiveRevocations, _ standing: StandingLeaves, now: UnixTime
    ) async {
        let end = RevocationSnapshot.Position(shard: log.shard, size: log.size)
        let covered: RevocationSnapshot.Position? = state.withLock { state in
            defer { state.seen = end }
            let isDue = state.seen.shard != state.saved.shard || state.seen.size >= state.saved.size + Self.growth
            return state.seen < end && state.seen > state.saved && isDue ? state.seen : nil
        }
        if let covered { await save(at: covered, revocations, standing, now: now) }
    }

    /// Writes one for a log that nobody writes to: it has just been opened, or closed.
    func saveAtRest(
        _ log: LogStatus, _ revocations: LiveRevocations, _ standing: StandingLeaves, now: UnixTime
    ) async {
        await save(at: .init(shard: log.shard, size: log.size), revocations, standing, now: now)
    }

    /// A failure only makes the next start slower.
    private func save(
        at position: RevocationSnapshot.Position, _ revocations: LiveRevocations, _ standing: StandingLeaves,
        now: UnixTime
    ) async {
        let snapshot = RevocationSnapshot(
            origin: origin, position: position, entries: standing.all + revocations.entries(now: now.seconds))
        var reason = "there is no checkpoint key"
        for signer in state.withLock({ $0.signers }) {
            do {
                try await snapshot.save(path, signer: signer)
                return state.withLock { $0.saved = position }
            } catch {
                reason = "\(error)"
            }
        }
        logger.warning("the list of entries in force was not saved", metadata: ["reason": "\(reason)"])
    }
}
