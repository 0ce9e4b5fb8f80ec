/// Which keys of a route are tried for one request, and how long each may take: together no longer than the request.
struct MintAttempts {
    /// What a signature and its record take at the least: with less time left another try is no use.
    private static let least = Duration.milliseconds(20)

    private var keys: ArraySlice<KeyDirectory.ActiveKey>
    private let end: ContinuousClock.Instant

    /// Attempts with these keys in their order.
    init(_ keys: [KeyDirectory.ActiveKey], within patience: Duration) {
        self.keys = keys[...]
        end = .now + patience
    }

    /// The next key and its share of the time that is left; nil when either has run out.
    ///
    /// A token that hangs must leave time for another one: each attempt but the last gets half of what is left.
    mutating func next(now: ContinuousClock.Instant = .now) -> (key: KeyDirectory.ActiveKey, patience: Duration)? {
        let left = end - now
        guard left >= Self.least, let key = keys.popFirst() else { return nil }
        return (key, keys.isEmpty ? left : left / 2)
    }
}
