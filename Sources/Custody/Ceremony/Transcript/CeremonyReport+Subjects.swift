import StrictEncoding

/// What a ceremony was about: keys, their states, shares, and everything else that its steps have listed.
extension CeremonyReport {
    /// A table for each list that a step has read back.
    var subjects: [Section] {
        (keys + [changes, shares, readAgain]).filter { !$0.rows.isEmpty } + lists
    }

    private var done: [TranscriptLine] { verified.transcript.lines.filter { $0.event == .done } }

    /// Keys with their public halves, the attributes read back and the probes they refused.
    private var keys: [Section] {
        let made = done.flatMap(\.keys)
        return [
            Section(
                title: "Keys that were made or came in",
                columns: ["Label", "For", "Algorithm", "Token", "Key id (RFC 7638)", "How"],
                rows: made.map {
                    [$0.label, $0.purpose.rawValue, $0.algorithm, $0.token, $0.kid, $0.provenance.rawValue]
                }),
            Section(
                title: "What the token said of each key",
                columns: ["Label", "Attributes read back", "Attempts refused"],
                rows: made.map { [$0.label] + Self.evidence($0.evidence) }),
            Section(
                title: "Public keys", columns: ["Label", "JWK (RFC 7517)"],
                rows: made.map { key in
                    [key.label, String(decoding: JSONWriter.canonical(.object(key.jwk)), as: UTF8.self)]
                }),
        ]
    }

    /// Attributes and refused attempts, apart.
    private static func evidence(_ evidence: [String: Bool]) -> [String] {
        let attributes = evidence.filter { !$0.key.hasPrefix("refuses.") }.sorted { $0.key < $1.key }
            .map { "\($0.key)=\($0.value ? "1" : "0")" }
        let refused = evidence.filter { $0.key.hasPrefix("refuses.") && $0.value }.keys.sorted()
            .map { String($0.dropFirst("refuses.".count)) }
        return [attributes.joined(separator: " "), refused.joined(separator: " ")]
    }

    /// The rows of the objects that the steps have listed under a name.
    private func rows(_ name: String, _ row: (JSONObject, TranscriptLine) -> [String]?) -> [[String]] {
        done.flatMap { line in
            (line.data[name]?.array ?? []).compactMap { $0.object.flatMap { row($0, line) } }
        }
    }

    private var changes: Section {
        Section(
            title: "Keys that move on", columns: ["Label", "Key id (RFC 7638)", "Token", "From", "To", "Since"],
            rows: rows("changes") { change, _ in
                guard change["kid"] != nil, change["to"] != nil else { return nil }
                let text = { (name: String) in Self.plain(change[name]) ?? "-" }
                return [text("label"), text("kid"), text("token"), text("from"), text("to"), text("since")]
            })
    }

    private var shares: Section {
        Section(
            title: "Who got a share", columns: ["Custodian", "Share", "Epoch", "Needed", "Commitment"],
            rows: rows("shares") { share, line in
                guard share["custodian"] != nil else { return nil }
                return [
                    share["custodian"], share["index"], line.data["epoch"], line.data["threshold"], share["commitment"],
                ]
                .map { Self.plain($0) ?? "-" }
            })
    }

    /// Keys as an audit has found them: their attributes of today.
    private var readAgain: Section {
        Section(
            title: "What the token says of each key now",
            columns: ["Label", "Key id (RFC 7638)", "Token", "Works", "Attributes read", "Attempts refused"],
            rows: rows("keys") { key, line in
                guard let attributes = key["attributes"]?.object else { return nil }
                let evidence = Dictionary(
                    attributes.members.compactMap { member in member.value.bool.map { (member.name, $0) } },
                    uniquingKeysWith: { $1 })
                let cells = [key["label"], key["kid"], line.data["token"], key["canary"]].map { Self.plain($0) ?? "-" }
                return cells + Self.evidence(evidence)
            })
    }

    /// What else was listed: no member of a step's evidence is a number of things alone.
    private var lists: [Section] {
        done.flatMap { line in
            line.data.members.compactMap { member -> Section? in
                let objects = (member.value.array ?? []).compactMap(\.object)
                guard !objects.isEmpty, !["keys", "changes", "shares"].contains(member.name) else { return nil }
                var columns: [String] = []
                for name in objects.flatMap({ $0.members.map(\.name) }) where !columns.contains(name) {
                    columns.append(name)
                }
                return Section(
                    title: "Line \(line.sequence), \(line.step ?? "-"): \(member.name)", columns: columns,
                    rows: objects.map { object in columns.map { Self.plain(object[$0]) ?? "" } })
            }
        }
    }

    /// A value in one cell; nil for what says nothing.
    static func plain(_ value: JSONValue?) -> String? {
        switch value {
        case .string(let text): text.isEmpty ? nil : text
        case .integer(let number): "\(number)"
        case .bool(let flag): "\(flag)"
        case .array(let elements):
            elements.isEmpty ? nil : elements.compactMap { plain($0) }.joined(separator: ", ")
        case .object(let object):
            object.members.isEmpty
                ? nil
                : "("
                    + object.members.compactMap { member in plain(member.value).map { "\(member.name) \($0)" } }
                    .joined(separator: ", ") + ")"
        default: nil
        }
    }
}

extension TranscriptLine {
    /// The keys that a step has brought into being, or into the token: one, or several.
    package var keys: [ManifestKey] {
        guard event == .done else { return [] }
        return ((data["keys"]?.array ?? []) + (data["key"].map { [$0] } ?? []))
            .compactMap { try? ManifestKey(recorded: $0) }
    }
}
