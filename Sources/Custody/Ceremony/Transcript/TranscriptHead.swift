import StrictEncoding

/// What custodians and witnesses sign when a ceremony has ended: the hash of its last line, and what it was.
///
/// It is a file, `head.json`, that stock `ssh-keygen -Y sign -n transcript@vault-appliance` signs.
package struct TranscriptHead: Sendable, Equatable {
    private static let format = "vault-transcript-head/1"

    package let appliance: String
    /// The ceremony's id.
    package let ceremony: String
    /// Hash of the plan.
    package let plan: String
    /// How many lines there are.
    package let lines: Int64
    /// SHA-256 of the last one, in hexadecimal.
    package let head: String
    /// How it ended.
    package let outcome: TranscriptLine.Event

    /// The head of a transcript; nil before the ceremony has ended.
    package init?(plan: CeremonyPlan, transcript: Transcript) {
        guard let last = transcript.lines.last, [.completed, .aborted].contains(last.event) else { return nil }
        (appliance, ceremony, self.plan) = (plan.appliance, plan.id, plan.hash)
        (lines, head, outcome) = (last.sequence, last.hash, last.event)
    }

    /// The file's bytes.
    package var bytes: [UInt8] {
        JSONWriter.canonical([
            "format": .string(TranscriptHead.format), "appliance": .string(appliance), "ceremony": .string(ceremony),
            "plan": .string(plan), "lines": .integer(lines), "head": .string(head),
            "outcome": .string(outcome.rawValue),
        ]) + [0x0A]
    }
}
