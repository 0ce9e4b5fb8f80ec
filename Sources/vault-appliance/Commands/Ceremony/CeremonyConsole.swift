import StrictEncoding

/// A ceremony on a person's terminal: numbered steps, roles, who is missing, words to compare; never a secret.
struct CeremonyConsole {
    let isJSON: Bool
    let configuration: String

    /// Everything about the ceremony, and what to do next.
    func show(_ progress: JSONValue) {
        if isJSON { return Terminal.print(json: progress) }
        lines(progress).forEach { Terminal.say($0, hanging: 11) }
        advise(progress)
    }

    /// Where it stands and what to do next, after steps that were shown one by one.
    func showNext(_ progress: JSONValue) {
        if isJSON { return Terminal.print(json: progress) }
        let object = progress.object ?? [:]
        Terminal.say("state      \(object["state"]?.string ?? "-"), \(Self.count(object)) steps done", hanging: 11)
        if let head = object["head"]?.string, ["completed", "aborted", "sealed"].contains(object["state"]?.string) {
            Terminal.say("head       \(head)", hanging: 11)
            if let words = object["head_words"]?.string { Terminal.say("words      \(words)", hanging: 11) }
        }
        let missing = object["missing_approvals"]?.strings ?? []
        if !missing.isEmpty { Terminal.say("missing    approvals of \(missing.joined(separator: ", "))", hanging: 11) }
        Self.waitLines(progress).forEach { Terminal.say($0, hanging: 11) }
        advise(progress)
    }

    /// One line when a step is done.
    func showStep(_ name: String, _ progress: JSONValue) {
        if isJSON { return Terminal.print(json: progress) }
        let steps = progress.object?["steps"]?.array ?? []
        guard let index = steps.firstIndex(where: { $0.object?["name"]?.string == name }) else { return }
        let title = steps[index].object?["title"]?.string ?? name
        Terminal.say("  \(Self.mark(steps[index].object)) \(index + 1)/\(steps.count)  \(title)", hanging: 11)
    }

    /// What the ceremony waits for, and what to do; of a wait that was shown before only what has changed.
    func showWait(_ progress: JSONValue, after last: JSONValue?) {
        if isJSON { return Terminal.print(json: progress) }
        let (wait, before) = (progress.object?["waiting"]?.object, last?.object)
        let isSame = before != nil && wait?["words"] == before?["words"] && wait?["what"] == before?["what"]
        let lines = Self.waitLines(progress)
        for line in isSame ? Array(lines.prefix(1)) : lines { Terminal.say(line, hanging: 11) }
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
            "plan       \(text("plan"))", "files      \(text("directory"))",
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
        return lines + Self.waitLines(progress)
    }

    private static func count(_ object: JSONObject) -> String {
        let steps = (object["steps"]?.array ?? []).compactMap(\.object)
        return "\(steps.filter { $0["standing"]?.string == "done" }.count) of \(steps.count)"
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
    private func advise(_ progress: JSONValue) {
        let object = progress.object ?? [:]
        let (id, command) = (object["id"]?.string ?? "ID", "vault-appliance ceremony")
        let place = "--config \(configuration) \(id)"
        let isWaiting = object["waiting"]?.object != nil
        let isApproved = (object["missing_approvals"]?.strings ?? []).isEmpty
        switch object["state"]?.string {
        case "draft" where isApproved || object["rehearsal"]?.string == "required":
            next("rehearse, so that everybody sees the steps:", ["\(command) rehearse \(place)"])
        case "draft", "rehearsed":
            next(
                "custodians read the plan, compare the words and sign it; each, with a copy of plan.json:",
                [
                    "vault-appliance custodian approve plan.json"
                ])
            next("hand in what they send you:", ["\(command) approve \(place) plan.json.sig"], "then")
        case "approved": next("begin:", ["\(command) run \(place)"])
        case "running" where isWaiting:
            if object["waiting"]?.object?["files"]?.strings?.contains(where: { $0.hasSuffix("/manifest.json") }) == true
            {
                next("hand in what they send you:", ["\(command) approve \(place) manifest.json.sig"])
                next("go on:", ["\(command) resume \(place)"], "then")
            } else {
                next("when they have, go on:", ["\(command) resume \(place)"])
            }
        case "running": next("go on:", ["\(command) resume \(place)"])
        case "expired":
            next("make a new plan; what was begun is taken back by:", ["\(command) abort \(place) --reason WHY"])
        case "completed", "aborted":
            let people = (object["missing_head_signatures"]?.strings ?? []).joined(separator: ", ")
            next(
                "read these words aloud; \(people) sign, each with a copy of head.json:",
                [
                    "vault-appliance custodian approve head.json"
                ])
            next("hand in what they send you:", ["\(command) approve \(place) head.json.sig"], "then")
        default:
            next(
                "keep it, and check it whenever you like:",
                ["\(command) verify \(object["directory"]?.string ?? "DIR")"])
        }
    }

    private func next(_ text: String, _ commands: [String], _ label: String = "next") {
        Terminal.say("\(label)       \(text)", hanging: 11)
        commands.forEach { Terminal.command("  \($0)") }
    }
}
