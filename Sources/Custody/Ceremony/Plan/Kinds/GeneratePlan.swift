import StrictEncoding

/// The parameters of `generate`: new keys, in which tokens.
package struct GeneratePlan: Sendable, Equatable {
    package var keys: [PlannedKey]
    /// Serial numbers; empty for every token of the manifest.
    package var tokens: [String]

    init(_ reader: PlanReader) {
        keys = PlannedKey.list(reader, "keys", 1...64)
        tokens = reader.texts(
            "tokens", missing: [], "must be the serial number of a token", mend: "copy it from status"
        ) { PlanReader.isLine($0) }
    }

    func add(to object: inout JSONObject) {
        object["keys"] = .array(keys.map(\.json))
        if !tokens.isEmpty { object["tokens"] = .array(tokens.map { .string($0) }) }
    }
}
