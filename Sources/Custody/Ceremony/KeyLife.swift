package import StrictEncoding

/// What may become of a key, and when (docs/ceremonies.md, "The life of a key").
package struct KeyLife: Sendable {
    /// How far clocks of verifiers may be off, in seconds.
    package static let skew: Int64 = 60

    package let key: ManifestKey
    /// Since when the key has been in its state, as far as verifiers can know.
    package let since: UnixTime

    /// The life of a key that has been in its state since then.
    package init(_ key: ManifestKey, since: UnixTime) {
        self.key = key
        self.since = since
    }

    /// Whether verifiers fetch the key, so that it must be known before it signs and for a while after.
    private var isPublished: Bool { key.purpose == .signing }

    /// Refuses a step that does not follow from the state, or that comes before its time.
    package func check(_ next: ManifestKey.State, consumerCacheAge: Int64, now: UnixTime) throws(CustodyError) {
        guard allowed.contains(next) else {
            throw CustodyError(
                .wrongState,
                "the key \(key.label) (\(key.kid)) is \(key.state.rawValue): it can become "
                    + "\(allowed.isEmpty ? "nothing any more" : allowed.map(\.rawValue).joined(separator: ", ")), "
                    + "not \(next.rawValue)")
        }
        guard let earliest = earliest(next, consumerCacheAge: consumerCacheAge), now < earliest else { return }
        throw CustodyError(
            .wrongState,
            "the key \(key.label) (\(key.kid)) is \(key.state.rawValue) since \(since.rfc3339) and can become "
                + "\(next.rawValue) at \(earliest.rfc3339): \(reason)")
    }

    /// Which states may follow.
    private var allowed: [ManifestKey.State] {
        switch key.state {
        case .generated: isPublished ? [.prepublished, .retired, .quarantined] : [.active, .retired, .quarantined]
        case .prepublished: [.active, .retired, .quarantined]
        case .active: isPublished ? [.retiring, .quarantined] : [.retired, .quarantined]
        case .retiring: [.active, .retired, .quarantined]
        case .retired: [.destroyed, .quarantined]
        // Custodians have looked into it: they keep it out, give it back, or end it.
        case .quarantined: [.quarantined, isPublished ? .prepublished : .active, .retired, .destroyed]
        case .destroyed: []
        }
    }

    /// When the step may be taken; nil when at any time.
    private func earliest(_ next: ManifestKey.State, consumerCacheAge: Int64) -> UnixTime? {
        guard isPublished else { return nil }
        switch (key.state, next) {
        case (.prepublished, .active): return since.adding(seconds: consumerCacheAge)
        case (.retiring, .retired):
            return since.adding(seconds: (key.gate?.maximumLifetime ?? 0) + KeyLife.skew)
        default: return nil
        }
    }

    private var reason: String {
        key.state == .prepublished
            ? "until then some verifier may use a key set without it"
            : "until then a token that it signed may be valid"
    }
}
