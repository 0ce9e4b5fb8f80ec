/// What one request has been saved from, and whether it is worth saving once more.
///
/// Nothing leaves a lane that was not checked, and asking a token twice for the same signature harms nobody: so a loss costs
/// the caller nothing as long as there is time. A token that loses the same thing over and over is not repaired by asking it
/// again, so their number is bounded too.
struct Recoveries {
    /// How often each of session, login and handle may be lost.
    static let losses = 4
    /// How often a canary may speak for the token.
    static let doubts = 2

    private let deadline: ContinuousClock.Instant?
    private let doubts: Int
    private var counts: [FailureClass: Int] = [:]

    /// For a request whose caller waits until then; nil when nobody waits.
    init(until deadline: ContinuousClock.Instant?, doubts: Int = Recoveries.doubts) {
        self.deadline = deadline
        self.doubts = doubts
    }

    /// Whether a canary has spoken for the token, so that what still fails is the request.
    var isTokenCleared: Bool { counts[.ambiguous] != nil }

    /// Counts one more recovery, unless there were too many of its kind or the caller has gone.
    mutating func permit(_ failure: FailureClass) -> Bool {
        let limit = failure == .ambiguous ? doubts : Recoveries.losses
        guard counts[failure, default: 0] < limit, deadline.map({ ContinuousClock.now < $0 }) ?? true else {
            return false
        }
        counts[failure, default: 0] += 1
        return true
    }
}
