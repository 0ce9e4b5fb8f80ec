import StrictEncoding

/// The requests for shares that are open in a core: those that bring it to life, and those of ceremonies.
struct OpenRequests {
    /// Each as the core shows it, oldest first.
    let all: [JSONObject]

    /// Reads them in the core's answer to `activation-progress`.
    init(_ progress: JSONObject?) { all = progress?["requests"]?.array?.compactMap(\.object) ?? [] }

    /// Those whose shares bring the core to life.
    var activations: [JSONObject] { all.filter { $0["ceremony"]?.string == nil } }

    /// The one with these words, or this hash.
    func named(_ name: String) -> JSONObject? {
        let name = name.lowercased()
        return all.first { $0["words"]?.string == name || $0["request"]?.string == name }
    }

    /// The one that a custodian means: the one with the words, else the newest that brings the core to life, else the only one.
    func meant(words: String?) throws -> JSONObject? {
        if let words, !all.isEmpty {
            if let open = named(words) { return open }
            throw CommandFailure(
                "--words: no request with these words is open; open are: \(Self.list(all)). If other words were read to you: "
                    + "send nothing, and call the others by a number that you already have")
        }
        if let newest = activations.last { return newest }
        guard all.count > 1 else { return all.first }
        throw CommandFailure(
            "several ceremonies ask for shares, say with --words which one you mean: \(Self.list(all))")
    }

    /// The others beside one, in words; nil where there are none.
    func others(than open: JSONObject) -> String? {
        let others = all.filter { $0["request"] != open["request"] }
        return others.isEmpty ? nil : Self.list(others)
    }

    /// What a request is for.
    static func purpose(_ ceremony: String?) -> String {
        ceremony.map { "the ceremony \($0)" } ?? "the activation of the appliance"
    }

    private static func list(_ requests: [JSONObject]) -> String {
        requests.map { "\($0["words"]?.string ?? "-") for \(purpose($0["ceremony"]?.string))" }.joined(separator: ", ")
    }
}
