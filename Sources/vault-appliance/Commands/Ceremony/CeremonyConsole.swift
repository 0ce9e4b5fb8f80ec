import Foundation
import Glibc
import StrictEncoding

/// A ceremony on a person's terminal: numbered steps, roles, who is missing, words to compare; never a secret.
struct CeremonyConsole {
    let isJSON: Bool
    let configuration: String

    /// Everything about the ceremony, and what to do next.
    func show(_ progress: JSONValue) {
        defer { fflush(nil) }
        if isJSON { return Terminal.print(json: progress) }
        lines(progress).forEach { print($0) }
    }

    /// One line when a step is done.
    func showStep(_ name: String, _ progress: JSONValue) {
        // Whoever watches through a pipe, as over SSH, sees each line when it is said.
        defer { fflush(nil) }
        if isJSON { return Terminal.print(json: progress) }
        let steps = progress.object?["steps"]?.array ?? []
        guard let index = steps.firstIndex(where: { $0.object?["name"]?.string == name }) else { return }
        print(
            "  \(Self.mark(steps[index].object)) \(index + 1)/\(steps.count)  \(steps[index].object?["title"]?.string ?? name)"
        )
    }

    /// What the ceremony waits for, and what to do.
    func showWait(_ progress: JSONValue) {
        defer { fflush(nil) }
        if isJSON { return Terminal.print(json: progress) }
        Self.waitLines(progress).forEach { print($0) }
    }

    /// Everything about a ceremony.
    private func lines(_ progress: JSONValue) -> [String] {
        let object = progress.object ?? [:]
        func text(_ name: String) -> String { object[name]?.string ?? "-" }
        func names(_ name: String) -> String {
            let names = object[name]?.strings ?? []
            return names.isEmpty ? "nobody" : names.joined(separator: ", ")
        }
        var lines = [
            "ceremony   \(text("id"))  (\(text("ceremony")))", "purpose    \(text("purpose"))",
            "state      \(text("state")), until \(text("expires"))", "words      \(text("words"))",
            "plan       sha256 \(text("plan"))", "files      \(text("directory"))",
            "approved   \(names("approved")); \(object["threshold"]?.integer ?? 0) custodians must",
        ]
        let missing = object["missing_approvals"]?.strings ?? []
        if !missing.isEmpty { lines.append("missing    \(missing.joined(separator: ", "))") }
        let steps = object["steps"]?.array ?? []
        for (index, step) in steps.enumerated() {
            let step = step.object
            let role = step?["role"]?.string ?? ""
            lines.append(
                "  \(Self.mark(step)) \(index + 1)/\(steps.count)  \(step?["title"]?.string ?? "-")"
                    + (role == "appliance" ? "" : "  [\(role)]"))
        }
        if let head = object["head"]?.string { lines.append("head       \(head)") }
        lines += Self.waitLines(progress)
        return lines + advice(object)
    }

    private static func mark(_ step: JSONObject?) -> String {
        switch step?["standing"]?.string {
        case "done": "[x]"
        case "begun": "[~]"
        case "undone": "[-]"
        default: "[ ]"
        }
    }

    private static func waitLines(_ progress: JSONValue) -> [String] {
        guard let wait = progress.object?["waiting"]?.object else { return [] }
        let missing = wait["missing"]?.strings ?? []
        var lines = [
            "waiting    for \(wait["needed"]?.integer ?? 0) of \(missing.joined(separator: ", "))",
            "           \(wait["what"]?.string ?? "")",
        ]
        if let words = wait["words"]?.string { lines.append("words      \(words)") }
        for file in wait["files"]?.strings ?? [] { lines.append("file       \(file)") }
        return lines
    }

    /// What to type next.
    private func advice(_ object: JSONObject) -> [String] {
        let (id, command) = (object["id"]?.string ?? "ID", "vault-appliance ceremony")
        let place = "--config \(configuration) \(id)"
        let isWaiting = object["waiting"]?.object != nil
        switch object["state"]?.string {
        case "draft" where (object["missing_approvals"]?.strings ?? []).isEmpty:
            return ["next       \(command) rehearse \(place)"]
        case "draft", "rehearsed":
            return [
                "next       custodians read the plan, compare the words and sign it:",
                "             ssh-keygen -Y sign -f KEY -n plan@vault-appliance plan.json",
                "           then hand the signatures in: \(command) approve \(place) plan.json.sig",
            ]
        case "approved": return ["next       \(command) run \(place)"]
        case "running" where isWaiting: return ["then       \(command) resume \(place)"]
        case "running": return ["next       \(command) resume \(place)"]
        case "expired":
            return [
                "next       make a new plan; what was begun is taken back by: \(command) abort \(place) --reason WHY"
            ]
        case "completed", "aborted":
            return [
                "next       \((object["missing_head_signatures"]?.strings ?? []).joined(separator: ", ")) sign the head:",
                "             ssh-keygen -Y sign -f KEY -n transcript@vault-appliance head.json",
                "           then hand the signatures in: \(command) approve \(place) head.json.sig",
            ]
        default:
            return [
                "next       keep it, and check it whenever you like: \(command) verify \(object["directory"]?.string ?? "DIR")"
            ]
        }
    }
}
