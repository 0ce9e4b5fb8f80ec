import AuditLog
import StrictEncoding

/// An entry as one line for people; the index in its shard comes first.
struct EntryText {
    let line: String

    init(_ entry: Entry, index: UInt64) {
        var parts = [String(index), entry.time?.rfc3339 ?? "-", entry.kind.rawValue]
        if let party = EntryText.parties(entry) { parts.append(party) }
        if let what = EntryText.what(entry) { parts.append(what) }
        parts += EntryText.members(entry)
        line = parts.joined(separator: "  ").visible
    }

    private static func parties(_ entry: Entry) -> String? {
        var text = entry.user?.sub ?? ""
        if entry.user == nil, let subject = entry.subject {
            text = "\(entry.subjectType ?? "subject") \(subject.sub)" + (subject.iss.map { " of \($0)" } ?? "")
        }
        for actor in entry.actors ?? [] { text += (text.isEmpty ? "" : " ") + "via \(actor.sub)" }
        if let client = entry.client { text += (text.isEmpty ? "" : " ") + "at \(client)" }
        return text.isEmpty ? nil : text
    }

    private static func what(_ entry: Entry) -> String? {
        let action = entry.actions.map { " (\($0.joined(separator: ", ")))" } ?? ""
        switch (entry.tool, entry.target) {
        case (let tool?, let target?): return "\(tool)\(action) -> \(target)"
        case (let tool?, nil): return tool + action
        case (nil, let target?): return "-> \(target)"
        case (nil, nil): return nil
        }
    }

    private static func members(_ entry: Entry) -> [String] {
        let texts: [(String, String?)] = [
            ("scope", entry.grantedScope), ("rule", entry.ruleID), ("code", entry.code), ("reason", entry.reason),
            ("secret", entry.secret), ("bundle", entry.kind.group == "config" ? entry.bundle : nil),
            ("by", entry.operator), ("jti", entry.jti), ("request", entry.requestID),
            ("count", entry.count.map { String($0) }),
            ("until", entry.until.map { UnixTime(seconds: $0).rfc3339 }),
        ]
        let detail = (entry.detail ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return texts.compactMap { name, value in value.map { "\(name) \($0)" } } + detail
    }
}
