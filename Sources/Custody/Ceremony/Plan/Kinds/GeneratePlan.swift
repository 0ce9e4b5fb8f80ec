import StrictEncoding

/// The parameters of `generate`: new keys, in which tokens.
package struct GeneratePlan: Sendable, Equatable {
    package var keys: [PlannedKey]
    /// Serial numbers; empty for every token of the manifest.
    package var tokens: [String]
    /// Whether new signing keys stand in the key set from the start; else they wait as `generated`.
    package var prepublishes: Bool

    init(_ reader: PlanReader) {
        keys = PlannedKey.list(reader, "keys", 1...64)
        tokens = reader.texts(
            "tokens", missing: [], "must be the serial number of a token", mend: "copy it from status"
        ) { PlanReader.isLine($0) }
        prepublishes = reader.flag("prepublish", missing: true)
        checkNames(reader)
    }

    /// Each key is a step of its own, and a token has one key that secrets are sealed to.
    private func checkNames(_ reader: PlanReader) {
        for (index, key) in keys.enumerated() where !key.label.isEmpty {
            let others = keys[..<index].filter { StepName.of($0.label) == StepName.of(key.label) }
            guard let other = others.first(where: { $0.label != key.label }) else { continue }
            reader.fault(
                "keys[\(index)].label", "is \(other.label) but for its case, '_' or '-'",
                mend: "choose labels that people tell apart")
        }
        if keys.count(where: { $0.purpose == .kek }) > 1 {
            reader.fault("keys", "name two kek keys", mend: "keep one: each token has one of it")
        }
    }

    func add(to object: inout JSONObject) {
        object["keys"] = .array(keys.map(\.json))
        if !tokens.isEmpty { object["tokens"] = .array(tokens.map { .string($0) }) }
        object["prepublish"] = .bool(prepublishes)
    }
}
