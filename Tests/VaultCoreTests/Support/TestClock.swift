package import StrictEncoding
import Synchronization

/// A clock that stands still until it is moved.
package final class TestClock: Sendable {
    private let time: Mutex<UnixTime>

    /// A clock that shows a time.
    package init(_ time: UnixTime = UnixTime(seconds: 1_800_000_000)) { self.time = Mutex(time) }

    /// What the clock shows.
    package var now: UnixTime { time.withLock { $0 } }

    /// Moves the clock; back, if the number is negative.
    package func move(seconds: Int64) { time.withLock { $0 = $0.adding(seconds: seconds) } }
}
