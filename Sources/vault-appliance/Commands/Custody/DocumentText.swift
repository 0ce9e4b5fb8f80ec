import Custody
import StrictEncoding

/// A document of a ceremony for the person who is to sign it: every member of it, the people by their fingerprints.
enum DocumentText {
    /// What is read first; the rest follows as it stands.
    private static let order = [
        "purpose", "administrator", "expires", "rehearsal", "token", "tokens", "keys", "changes", "custodians",
        "threshold",
        "approvers", "witnesses", "dials",
    ]

    /// Names that people understand better.
    private static let titles = ["administrator": "run by", "expires": "good until"]

    /// One line for each member, and one for each element of a list.
    static func lines(_ object: JSONObject) -> [String] {
        let first = order.compactMap { name in object[name].map { (name, $0) } }
        let rest = object.members.filter { !order.contains($0.name) }.map { ($0.name, $0.value) }
        return (first + rest).flatMap { name, value in lines(name, value) }
    }

    private static func lines(_ name: String, _ value: JSONValue) -> [String] {
        guard case .array(let elements) = value else { return [line(name, text(value))] }
        return elements.isEmpty ? [line(name, "none")] : elements.map { line(singular(name), text($0)) }
    }

    private static func line(_ member: String, _ text: String) -> String {
        let name = titles[member] ?? member
        let column = name.count < 12 ? name + String(repeating: " ", count: 13 - name.count) : name + "  "
        return column + text
    }

    private static func singular(_ name: String) -> String {
        name == "witnesses" ? "witness" : name.hasSuffix("s") ? String(name.dropLast()) : name
    }

    /// A value in one line; what names a thing stands first.
    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): return text.visible
        case .integer(let number): return String(number)
        case .bool(let flag): return flag ? "yes" : "no"
        case .null: return "none"
        case .array(let elements): return elements.map { text($0) }.joined(separator: ", ")
        case .object(let object):
            let names = ["name", "label", "token", "kid"]
            let title = names.first { object[$0] != nil }
            let others = object.members.filter { $0.name != title }
            // A person's SSH key stands before all else.
            let members = (others.filter { $0.name == "ssh_key" } + others.filter { $0.name != "ssh_key" })
                .map { member($0.name, $0.value) }
            return
                ([title.flatMap { object[$0] }.map { text($0) }].compactMap { $0 } + [members.joined(separator: ", ")])
                .filter { !$0.isEmpty }.joined(separator: ": ")
        default: return String(decoding: JSONWriter.canonical(value), as: UTF8.self)
        }
    }

    /// A key by its fingerprint, as people compare it.
    private static func member(_ name: String, _ value: JSONValue) -> String {
        if name == "ssh_key", let line = value.string, let key = try? SSHPublicKey(line: line) {
            return "SSH key \(key.fingerprint)"
        }
        if name == "age_recipient" { return text(value) }
        let text = text(value)
        // What people wrote shall not look like a member of its own.
        return "\(name) \(text.contains(", ") && value.string != nil ? "\"\(text)\"" : text)"
    }
}
