import StrictEncoding

/// Notices when the clock jumps forward while the log is open: it is held against one that only ever runs.
///
/// A leaf with a time from the future would keep every later one from being recorded until that time has come.
struct ClockWatch {
    private let maximumJump: Duration?
    private var seen: (clock: UnixTime, running: ContinuousClock.Instant)?

    /// A watch that accepts jumps up to `maximumJump`; nil accepts all.
    init(maximumJump: Duration?) { self.maximumJump = maximumJump }

    /// Whether the clock has gained no more than it may since it was last believed.
    mutating func isPlausible(_ now: UnixTime) -> Bool {
        guard let maximumJump else { return true }
        let running = ContinuousClock.now
        if let seen {
            let gained = Duration.milliseconds(now.milliseconds - seen.clock.milliseconds) - (running - seen.running)
            guard gained <= maximumJump else { return false }
        }
        seen = (now, running)
        return true
    }

    /// Somebody vouches for the clock as it is.
    mutating func accept(_ now: UnixTime) { seen = (now, .now) }
}
