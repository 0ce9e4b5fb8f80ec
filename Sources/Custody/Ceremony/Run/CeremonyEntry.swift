package import AuditLog
import StrictEncoding

extension TranscriptLine {
    /// What the audit log hears of a line: what happened and the line's hash, so that log and transcript vouch for each other.
    package func entry(of plan: CeremonyPlan) -> Entry {
        var entry = Entry(kind: kind)
        var detail = [
            "ceremony": plan.kind.rawValue, "id": plan.id, "plan": plan.hash, "line": String(sequence),
            "line_hash": hash,
            "event": event.rawValue,
        ]
        if let step { detail["step"] = step }
        switch event {
        case .approved: entry.operator = data["by"]?.string
        case .aborting, .aborted, .exception: entry.operator = data["as_said_by"]?.string ?? data["by"]?.string
        default: entry.operator = plan.administrator
        }
        entry.reason = data["reason"]?.string ?? (event == .opened ? plan.purpose : nil)
        // The host key that was made, or that is in its place now: who reads the log alone can tell which one counts.
        if event == .done { detail["fingerprint"] = data["fingerprint"]?.string }
        if event == .exception {
            for name in ["expected", "happened", "decided"] { detail[name] = data[name]?.string }
        }
        // A name that nobody signed for is what somebody said.
        if data["as_said_by"] != nil { (detail["by"], detail["as_said_by"]) = (data["by"]?.string, entry.operator) }
        entry.detail = detail
        return entry
    }

    private var kind: Entry.Kind {
        switch event {
        case .opened: .ceremonyStarted
        case .approved: .ceremonyApproved
        case .completed: .ceremonyCompleted
        case .aborted: .ceremonyAborted
        case .begun, .done, .failed, .resumed, .undone, .exception, .aborting: .ceremonyStep
        }
    }
}
