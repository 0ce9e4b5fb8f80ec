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
    }

    func add(to object: inout JSONObject) {
        object["keys"] = .array(keys.map(\.json))
        if !tokens.isEmpty { object["tokens"] = .array(tokens.map { .string($0) }) }
        object["prepublish"] = .bool(prepublishes)
    }
}
