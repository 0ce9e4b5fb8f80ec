package import StrictEncoding

/// A verified ceremony as people read it: on a page that prints well, as text, and as JSON.
package struct CeremonyReport: Sendable {
    /// One heading and what stands below it.
    struct Section: Sendable {
        let title: String
        /// Column names; empty for a list of names and values.
        var columns: [String] = []
        var rows: [[String]]
    }

    let verified: VerifiedCeremony

    /// A report of what was verified.
    package init(_ verified: VerifiedCeremony) { self.verified = verified }

    var title: String { "Ceremony \(verified.plan.id)" }

    /// How it ended, in one word.
    var outcome: String {
        guard let outcome = verified.outcome else { return "not ended" }
        return verified.isSealed ? "\(outcome.rawValue), sealed" : outcome.rawValue
    }

    /// A few lines for the terminal.
    package var summary: [String] {
        let lines = verified.transcript.lines.count
        var summary = [
            "\(verified.plan.id): \(outcome)", "plan       holds, sha256 \(verified.plan.hash)",
            "approved   \(list(verified.approvers.map(\.name)))", "transcript \(lines) lines hold each other",
            "head       \(verified.transcript.head)", "signed by  \(list(verified.headSigners))",
        ]
        if !verified.missingHeadSigners.isEmpty { summary.append("missing    \(list(verified.missingHeadSigners))") }
        if let manifest = verified.manifest {
            summary.append("manifest   version \(manifest.version), sha256 \(manifest.hash)")
        }
        if let genesis = verified.genesis {
            summary += ["genesis    \(genesis)", "           \(Proquint.phrase(hexadecimal: genesis))"]
        }
        return summary + ["trust      \(verified.anchor.sentence(genesis: verified.genesis))"]
    }

    /// For machines.
    package var json: JSONValue {
        func names(_ names: [String]) -> JSONValue { .array(names.map { .string($0) }) }
        return [
            "id": .string(verified.plan.id), "ceremony": .string(verified.plan.kind.rawValue),
            "outcome": verified.outcome.map { .string($0.rawValue) } ?? .null, "sealed": .bool(verified.isSealed),
            "plan": .string(verified.plan.hash), "approved": names(verified.approvers.map(\.name)),
            "lines": .integer(Int64(verified.transcript.lines.count)), "head": .string(verified.transcript.head),
            "head_signed": names(verified.headSigners), "missing_head_signatures": names(verified.missingHeadSigners),
            "manifest": verified.manifest.map { ["version": .integer($0.version), "hash": .string($0.hash)] } ?? .null,
            "genesis": verified.genesis.map { .string($0) } ?? .null,
            "genesis_words": verified.genesis.map { .string(Proquint.phrase(hexadecimal: $0)) } ?? .null,
            "vouched_by": .string(verified.anchor.name),
            "trust": .string(verified.anchor.sentence(genesis: verified.genesis)),
        ]
    }

    /// The whole report as text.
    package var text: String {
        var text = "\(title)\n\(String(repeating: "=", count: title.count))\n\n"
        for section in sections {
            text += "\(section.title)\n\(String(repeating: "-", count: section.title.count))\n"
            if !section.columns.isEmpty { text += section.columns.joined(separator: " | ") + "\n" }
            for row in section.rows { text += row.joined(separator: section.columns.isEmpty ? ": " : " | ") + "\n" }
            text += "\n"
        }
        return text
    }

    func list(_ names: [String]) -> String { names.isEmpty ? "nobody" : names.joined(separator: ", ") }
}
