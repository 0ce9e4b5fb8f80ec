import StrictEncoding

/// The parameters of `change-key-state`: which key goes where.
package struct KeyStatePlan: Sendable, Equatable {
    /// One key's step in its life.
    package struct Change: Sendable, Equatable {
        /// RFC 7638 thumbprint.
        package var kid: String
        package var state: ManifestKey.State
    }

    package var changes: [Change]

    init(_ reader: PlanReader) {
        changes = reader.parts("changes", 1...64).map { part in
            let change = Change(
                kid: part.text("kid", "must be a key's thumbprint", mend: "copy it from status") {
                    Base64URL.decode($0)?.count == 32
                }, state: part.choice("to", of: ManifestKey.State.self, placeholder: .generated))
            if [.generated, .quarantined].contains(change.state) {
                part.fault(
                    "to", "must be prepublished, active, retiring, retired or destroyed",
                    mend: "quarantine is an order of its own; nothing goes back to generated")
            }
            part.finish()
            return change
        }
        for (index, change) in changes.enumerated()
        where changes[..<index].contains(where: { $0.kid == change.kid }) && !change.kid.isEmpty {
            reader.fault("changes[\(index)].kid", "stands twice", mend: "one ceremony moves a key once")
        }
    }

    func add(to object: inout JSONObject) {
        object["changes"] = .array(changes.map { ["kid": .string($0.kid), "to": .string($0.state.rawValue)] })
    }
}
