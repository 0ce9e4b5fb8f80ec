package import StrictEncoding

/// Where the keys of a party come from: a set that is fixed, or one that is fetched again and again.
package protocol KeySource: Sendable {
    /// The keys to verify with at a moment; nil when there are none that may still be trusted.
    func usable(at now: UnixTime) -> JSONWebKeySet?

    /// Hears of a `kid` that the usable keys do not have: perhaps the party has a new key.
    func wasMissed()
}

extension JSONWebKeySet: KeySource {
    /// The set itself, at any time.
    package func usable(at now: UnixTime) -> JSONWebKeySet? { self }

    /// A fixed set has no other keys to look for.
    package func wasMissed() {}
}
