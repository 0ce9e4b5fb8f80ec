/// Keeps work away from a token that fails, and lets one canary try it now and then: a plain state machine.
///
/// Times are nanoseconds of the caller's clock.
struct CircuitBreaker: Sendable {
    /// Where the breaker stands.
    enum State: Sendable, Equatable {
        case closed(failures: Int)
        case open(until: Int64)
        /// A canary is on its way.
        case halfOpen
    }

    /// Failures in a row that open it.
    private static let threshold = 3
    private static let firstPause: Int64 = 250_000_000
    private static let longestPause: Int64 = 2_000_000_000

    private(set) var state = State.closed(failures: 0)
    private var pause = CircuitBreaker.firstPause

    var isClosed: Bool { if case .closed = state { true } else { false } }

    /// Nanoseconds until the token is tried again; nil when work may go to it.
    func refusal(now: Int64) -> Int64? {
        switch state {
        case .closed: nil
        case .open(let until): max(1_000_000, until - now)
        case .halfOpen: CircuitBreaker.firstPause
        }
    }

    /// A signature or a canary went well.
    ///
    /// Only the canary closes a breaker that is not closed: a signature that ends meanwhile was made before it opened, and
    /// says nothing of the token as it is now.
    mutating func succeeded(isCanary: Bool) {
        guard isClosed || (isCanary && state == .halfOpen) else { return }
        state = .closed(failures: 0)
        pause = CircuitBreaker.firstPause
    }

    /// A signature or a canary failed for a reason that is the token's; true when that opens the breaker.
    ///
    /// `jitter`, from 0 to 1, spreads the tries of several appliances on one device.
    mutating func failed(now: Int64, isSevere: Bool, jitter: Double) -> Bool {
        switch state {
        case .closed(let failures):
            guard isSevere || failures + 1 >= CircuitBreaker.threshold else {
                state = .closed(failures: failures + 1)
                return false
            }
            pause = CircuitBreaker.firstPause
        case .open: return false
        case .halfOpen: pause = min(pause * 2, CircuitBreaker.longestPause)
        }
        state = .open(until: now + Int64(Double(pause) * (0.75 + jitter / 2)))
        return true
    }

    /// True once when it is time for a canary.
    mutating func beginProbe(now: Int64) -> Bool {
        guard case .open(let until) = state, until <= now else { return false }
        state = .halfOpen
        return true
    }

    /// A call that hung has come back: worth a try at once.
    mutating func probeSoon(now: Int64) {
        if case .open = state { state = .open(until: now) }
    }
}
