import StrictEncoding
import Synchronization

/// The time of a log's leaves, over all its shards: it never runs backwards, and follows no clock that has jumped.
final class LogTime: Sendable {
    /// How an entry gets its time.
    enum Rule: Sendable {
        /// By the clock, if that can be believed.
        case clock
        /// By the clock as it is: somebody vouches for it.
        case vouchedFor
        /// By the clock, or where that cannot be believed by the last leaf: entries that only say how the log goes on.
        case notBefore
    }

    private struct State {
        var last: UnixTime?
        var watch: ClockWatch
    }

    /// How far the clock may be behind the last leaf, in milliseconds.
    private static let tolerance: Int64 = 1000

    private let state: Mutex<State>

    /// The time of a log whose clock may jump forward by `maximumJump`; nil is no limit.
    init(maximumJump: Duration?) { state = Mutex(State(watch: ClockWatch(maximumJump: maximumJump))) }

    /// The time of the last leaf; nil before the first that is known of.
    var last: UnixTime? { state.withLock { $0.last } }

    /// The time of the next leaf: never behind the last one's but where somebody vouches for the clock.
    func next(_ now: UnixTime, _ rule: Rule) throws(AuditLogError) -> UnixTime {
        guard now.rfc3339.utf8.count == PreparedEntry.placeholder.utf8.count else {
            throw AuditLogError(.clockAhead, "the clock is beyond the year 9999")
        }
        return try state.withLock { (state) throws(AuditLogError) -> UnixTime in
            if rule != .vouchedFor, let fault = LogTime.fault(now, state) {
                guard rule == .notBefore, let last = state.last else { throw fault }
                return last
            }
            state.watch.accept(now)
            return rule == .vouchedFor ? now : max(now, state.last ?? now)
        }
    }

    /// Whether a leaf could be written at this time; asking changes nothing.
    func isCredible(_ now: UnixTime) -> Bool { state.withLock { LogTime.fault(now, $0) == nil } }

    /// A leaf with this time is durable, or was found.
    func advance(to time: UnixTime) { state.withLock { $0.last = time } }

    private static func fault(_ now: UnixTime, _ state: State) -> AuditLogError? {
        if let last = state.last, now.milliseconds < last.milliseconds - tolerance {
            return AuditLogError(
                .clockBehind, "the clock is more than a second behind the last entry; mend it, or audit accept-time")
        }
        guard state.watch.isPlausible(now) else {
            return AuditLogError(.clockAhead, "the clock has jumped forward; mend it, or audit accept-time")
        }
        return nil
    }
}
