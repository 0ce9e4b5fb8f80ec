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
    func isPlausible(_ now: UnixTime) -> Bool {
        guard let maximumJump, let seen else { return true }
        let running = ContinuousClock.now - seen.running
        return Duration.milliseconds(now.milliseconds - seen.clock.milliseconds) - running <= maximumJump
    }

    /// The clock is believed as it is: it was plausible, or somebody vouches for it.
    mutating func accept(_ now: UnixTime) { seen = (now, .now) }
}
