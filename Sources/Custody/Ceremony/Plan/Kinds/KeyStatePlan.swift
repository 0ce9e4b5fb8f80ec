import StrictEncoding

/// The parameters of `change-key-state`: which key goes where, and how long verifiers keep what they have fetched.
package struct KeyStatePlan: Sendable, Equatable {
    /// One key's step in its life.
    package struct Change: Sendable, Equatable {
        /// RFC 7638 thumbprint.
        package var kid: String
        package var state: ManifestKey.State
    }

    /// The least that counts as a cache's age, in seconds: how long our own key set says that it may be kept.
    package static let shortestCacheAge: Int64 = 300

    package var changes: [Change]
    /// How old a key set may be, in seconds, that the slowest consumer still uses.
    package var consumerCacheAge: Int64

    init(_ reader: PlanReader) {
        changes = reader.parts("changes", 1...64).map { part in
            let change = Change(
                kid: part.text("kid", "must be a key's thumbprint", mend: "copy it from status") {
                    Base64URL.decode($0)?.count == 32
                }, state: part.choice("to", of: ManifestKey.State.self, placeholder: .generated))
            if change.state == .generated {
                part.fault(
                    "to", "must be prepublished, active, retiring, retired, destroyed or quarantined",
                    mend: "nothing goes back to generated")
            }
            part.finish()
            return change
        }
        for (index, change) in changes.enumerated()
        where changes[..<index].contains(where: { $0.kid == change.kid }) && !change.kid.isEmpty {
            reader.fault("changes[\(index)].kid", "stands twice", mend: "one ceremony moves a key once")
        }
        consumerCacheAge = reader.seconds(
            "consumer_cache_age", KeyStatePlan.shortestCacheAge...CeremonyPlan.longestLifetime, missing: 86_400)
    }

    func add(to object: inout JSONObject) {
        object["changes"] = .array(changes.map { ["kid": .string($0.kid), "to": .string($0.state.rawValue)] })
        object["consumer_cache_age"] = .integer(consumerCacheAge)
    }
}
