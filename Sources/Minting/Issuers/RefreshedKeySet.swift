package import StrictEncoding
import Synchronization

/// A key set that someone else fetches: the last good one, for as long as it may be used.
///
/// It does no input or output. Whoever fetches puts new sets in with `replace` and waits on `wishes`, where it hears that
/// a key was missed.
package final class RefreshedKeySet: KeySource {
    private struct State {
        var set: JSONWebKeySet?
        var fetchedAt: UnixTime?
    }

    /// How long a set may be used after it was fetched, in seconds, while newer ones cannot be had.
    package let maximumAge: Int64
    /// One element for each time that keys were missed since the last one was taken; more are not kept.
    package let wishes: AsyncStream<Void>
    private let wish: AsyncStream<Void>.Continuation
    private let state = Mutex(State())

    /// An empty source, whose party is refused until a first set is there.
    package init(maximumAge: Int64) {
        self.maximumAge = maximumAge
        (wishes, wish) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Puts a set in force that was fetched at a moment.
    package func replace(with set: JSONWebKeySet, fetchedAt: UnixTime) {
        state.withLock {
            $0.set = set
            $0.fetchedAt = fetchedAt
        }
    }

    /// When the set in force was fetched; nil when there is none.
    package var fetchedAt: UnixTime? { state.withLock { $0.fetchedAt } }

    /// The last set, unless it is older than `maximumAge`.
    package func usable(at now: UnixTime) -> JSONWebKeySet? {
        state.withLock { state in
            guard let fetchedAt = state.fetchedAt, now.seconds - fetchedAt.seconds <= maximumAge else { return nil }
            return state.set
        }
    }

    /// Ends the wishes: the keys that are there stay usable until they are too old.
    package func finish() { wish.finish() }

    /// Asks for a fetch; never waits for one.
    package func wasMissed() { wish.yield() }
}
