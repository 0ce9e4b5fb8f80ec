import StrictEncoding

extension CeremonyReport {
    /// Everything that is worth reading, in the order in which people ask for it.
    var sections: [Section] {
        [overview, people, steps] + subjects + [exceptions, signatures].filter { !$0.rows.isEmpty }
    }

    private var overview: Section {
        let plan = verified.plan
        var rows = [
            ["Purpose", plan.purpose], ["Kind", plan.kind.rawValue], ["Outcome", outcome],
            ["Appliance", plan.appliance], ["Administrator", plan.administrator],
            ["Planned", plan.created.rfc3339], ["Plan good until", plan.expires.rfc3339],
            ["Words", plan.words], ["Plan (SHA-256)", plan.hash],
            ["Transcript head (SHA-256)", verified.transcript.head],
            ["Lines", "\(verified.transcript.lines.count)"],
        ]
        rows += trust
        if let manifest = verified.manifest {
            rows.append(["Manifest", "version \(manifest.version), SHA-256 \(manifest.hash)"])
        }
        rows += dials
        if let end = verified.transcript.lines.last(where: { $0.event == .aborted }) {
            rows.append(["Aborted because", "\(end.data["reason"]?.string ?? "-") (\(Self.author(of: end)))"])
            rows.append(["What remains", list(end.data["kept"]?.strings ?? [])])
        }
        return Section(title: "What it was", rows: rows)
    }

    /// What everything else stands on, and who says so.
    private var trust: [[String]] {
        let genesis = verified.genesis.map {
            [["Genesis (SHA-256)", $0], ["Genesis in words", Proquint.phrase(hexadecimal: $0)]]
        }
        return (genesis ?? []) + [["Who vouches for it", verified.anchor.sentence(genesis: verified.genesis)]]
    }

    /// What a quorum had relaxed while it was held, and what holds since, where that is something else.
    private var dials: [[String]] {
        var rows: [[String]] = []
        if let begun = verified.transcript.lines.first?.data["dials"],
            let dials = try? Manifest.Dials(json: begun, path: "dials")
        {
            rows.append(["Dials", Self.text(dials)])
            if let manifest = verified.manifest, manifest.dials != dials {
                rows.append(["Dials of its manifest", Self.text(manifest.dials)])
            }
        }
        return rows
    }

    private static func text(_ dials: Manifest.Dials) -> String {
        "config approvals \(dials.configApprovals), unattended start \(dials.unattendedStart ? "ON" : "off"), "
            + "restart grace \(dials.restartGrace) s, TLS keys in files \(dials.fileTLSKeys ? "ON" : "off")"
    }

    /// Who did it; a name that nobody signed for is what somebody said.
    private static func author(of line: TranscriptLine) -> String {
        let name = line.data["by"]?.string ?? "-"
        return line.data["as_said_by"]?.string.map { "\(name), as \($0) said; not signed" } ?? name
    }

    private var people: Section {
        Section(
            title: "Who approved the plan", columns: ["Custodian", "Key"],
            rows: verified.approvers.map { [$0.name, (try? SSHPublicKey(line: $0.sshKey))?.fingerprint ?? "-"] })
    }

    private var steps: Section {
        Section(
            title: "What was done", columns: ["Line", "Time", "Event", "Step", "Read back"],
            rows: verified.transcript.lines.map { line in
                ["\(line.sequence)", line.time.rfc3339, line.event.rawValue, line.step ?? "", Self.brief(line)]
            })
    }

    private var exceptions: Section {
        Section(
            title: "Exceptions", columns: ["Line", "Expected", "Happened", "Decided", "By"],
            rows: verified.transcript.lines.filter { $0.event == .exception }.map { line in
                ["\(line.sequence)"] + ["expected", "happened", "decided"].map { line.data[$0]?.string ?? "-" }
                    + [Self.author(of: line)]
            })
    }

    private var signatures: Section {
        Section(
            title: "Signatures of the transcript's head", columns: ["Who", "Signature (SSHSIG)", "On paper"],
            rows: verified.headSigners.map { [$0, "verified", "____________________"] }
                + verified.missingHeadSigners.map { [$0, "missing", "____________________"] })
    }

    /// The small values of a line; what is long has a table of its own.
    private static func brief(_ line: TranscriptLine) -> String {
        line.data.members.compactMap { member in
            switch member.value {
            case .array(let elements) where !elements.isEmpty && elements.contains(where: { $0.object != nil }):
                "\(elements.count) \(member.name)"
            case .object(let object) where member.name == "key":
                "key \(object["label"]?.string ?? "-")"
            default: plain(member.value).map { "\(member.name) \($0)" }
            }
        }.joined(separator: "; ")
    }
}
