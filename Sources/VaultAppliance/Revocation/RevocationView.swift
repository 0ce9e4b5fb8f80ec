import AuditLog
package import CoreProtocol
package import StrictEncoding
import Synchronization

/// The front's copy of what is revoked and cut off.
///
/// Replayed whole from the core's log on each new connection, then followed: the core answers a waiting `read` the moment
/// there is something new. While there is no connection the copy counts as out of date, and whatever would rely on it
/// fails.
package final class RevocationView: Sendable {
    private struct State {
        var list = RevocationList()
        /// The first number that the core has not told yet.
        var next: UInt64 = 0
        var isCurrent = false
        var nextSweep: Int64 = 0
    }

    /// Seconds between two searches for what is over: each looks at all that is in force.
    private static let sweepPeriod: Int64 = 5

    /// How long the core holds back its answer while there is nothing new.
    private let wait: Duration
    private let clock: @Sendable () -> UnixTime
    private let state: Mutex<State>

    /// A view that knows nothing yet.
    ///
    /// With `isCurrent` it knows that nothing is in force: for measurements, which have no core to follow.
    package init(
        clock: @escaping @Sendable () -> UnixTime, isCurrent: Bool = false, wait: Duration = .seconds(10)
    ) {
        self.clock = clock
        self.wait = wait
        state = Mutex(State(isCurrent: isCurrent))
    }

    /// How many tokens are revoked and how many cut-offs are in force.
    package var counts: (revoked: Int, cutOffs: Int) {
        state.withLock { ($0.list.revokedCount, $0.list.cutOffCount) }
    }

    /// Whether it can be relied on now.
    package var isCurrent: Bool { state.withLock { $0.isCurrent } }

    /// Reads everything that is in force from a core; until it returns the view is out of date.
    package func replay(_ core: any CoreService) async throws(CoreError) {
        var list = RevocationList()
        var next: UInt64 = 0
        while true {
            let page = try await core.read(ReadRequest(from: next, wait: .zero))
            for record in page.records {
                list.insert(record.entry, now: clock().seconds)
                next = record.number + 1
            }
            if page.isComplete { break }
            guard !page.records.isEmpty else { throw CoreError(.malformed, "a page without an end") }
        }
        state.withLock { $0 = State(list: list, next: next, isCurrent: true) }
    }

    /// Takes over what is new as it comes, until the connection ends.
    package func follow(_ core: any CoreService) async throws {
        defer { state.withLock { $0.isCurrent = false } }
        while true {
            try Task.checkCancellation()
            let next = state.withLock { $0.next }
            let page = try await core.read(ReadRequest(from: next, wait: wait))
            let now = clock().seconds
            state.withLock { state in
                for record in page.records {
                    state.list.insert(record.entry, now: now)
                    state.next = record.number + 1
                }
                guard now >= state.nextSweep else { return }
                state.nextSweep = now + Self.sweepPeriod
                state.list.removeExpired(now: now)
            }
        }
    }

    /// Takes over an entry that this front has just had recorded: it is in force before its answer leaves.
    func note(_ entry: Entry) {
        var entry = entry
        let now = clock()
        entry.time = now
        state.withLock { _ = $0.list.insert(entry, now: now.seconds) }
    }

    /// Whether the security event that an entry records is in force already.
    func holds(_ entry: Entry) -> Bool {
        let now = clock().seconds
        return state.withLock { $0.list.holdsEvent(entry, now: now) }
    }

    /// Whether the token with this `jti`, or one it was made from, was revoked.
    func isRevoked(_ jti: String) -> Bool {
        let now = clock().seconds
        return state.withLock { $0.list.isRevoked(jti, now: now) }
    }

    /// The cut-off, if any, that covers somebody or something involved; nobody is looked for while none is in force.
    func cutOff(_ involved: @autoclosure () -> Involved) -> CutOff? {
        guard state.withLock({ $0.list.cutOffCount > 0 }) else { return nil }
        let (involved, now) = (involved(), clock().seconds)
        return state.withLock { $0.list.cutOff(involved, now: now) }
    }
}
