import StrictEncoding

/// The parameters of `genesis`: tokens, first keys, people.
package struct GenesisPlan: Sendable, Equatable {
    package var tokens: [PlannedToken]
    /// Made in every token.
    package var keys: [PlannedKey]
    package var people: PlannedPeople

    /// A genesis of the given parts.
    package init(tokens: [PlannedToken], keys: [PlannedKey], people: PlannedPeople) {
        self.tokens = tokens
        self.keys = keys
        self.people = people
    }

    init(_ reader: PlanReader, others: [Manifest.Person]) {
        tokens = PlannedToken.list(reader, "tokens", 1...8)
        keys = PlannedKey.list(reader, "keys", 1...64)
        people = PlannedPeople(reader)
        people.checkApart(reader, others: others)
        if !keys.isEmpty, !keys.contains(where: { $0.purpose == .checkpoint }) {
            reader.fault("keys", "name no checkpoint key", mend: "add one: the audit log is signed with it")
        }
        for purpose in [ManifestKey.Purpose.checkpoint, .kek] where keys.filter({ $0.purpose == purpose }).count > 1 {
            reader.fault("keys", "name two \(purpose.rawValue) keys", mend: "keep one: each token has one of it")
        }
        if keys.contains(where: { $0.purpose == .assertion }) {
            reader.fault("keys", "name an assertion key", mend: "make or import it by a ceremony of its own, later")
        }
    }

    func add(to object: inout JSONObject) {
        object["tokens"] = .array(tokens.map(\.json))
        object["keys"] = .array(keys.map(\.json))
        people.add(to: &object)
    }
}
