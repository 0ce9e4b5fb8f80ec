import ArgumentParser
import AuditLog
import Policy
import StrictEncoding
import VaultAppliance

/// `audit access`: who could, and who did.
struct AuditAccess: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "access", abstract: "Say for each rule who could use it, who did, and when it was last used.",
        discussion: """
            Rules come from the policy of the configuration, uses from the log. A rule that was never used may be one that \
            nobody needs; a rule that stands in the log but not in the policy was removed since. A credential that was \
            recorded but never got out (mint.aborted) is no use.
            """)

    @OptionGroup var options: ConfigurationOption
    @Option(help: "The log's directory; without it the configuration's.", completion: .directory) var log: String?
    @OptionGroup var filters: FilterOptions
    @Flag(help: "Only rules that were never used.") var unused = false
    @Flag(help: "Print JSON for machines.") var json = false

    func run() async throws {
        let bundle = try ConfigurationBundle.load(file: options.config)
        let directory = log ?? bundle.configuration.audit.directory
        try LogOption.check(directory)
        let (uses, unread) = try RuleUse.collect(LogSeries(directory: directory), filter: filters.filter)
        var rows = bundle.policy.rules.filter(isWanted).map { Row(id: $0.id, rule: $0, use: uses[$0.id]) }
        rows += bundle.policy.denials.map { Row(id: $0.id, rule: nil, use: uses[$0.id], isDenial: true) }
        let known = Set(rows.map(\.id))
        rows += uses.keys.filter { !known.contains($0) && !isInPolicy($0, bundle.policy) }.sorted()
            .map { Row(id: $0, rule: nil, use: uses[$0], isGone: true) }
        if unused { rows = rows.filter { !$0.isDenial && ($0.use?.granted ?? 0) == 0 } }
        let pruned = PrunedShards(in: LogSeries(directory: directory))
        if json {
            Terminal.print(json: [
                "rules": .array(rows.map(\.json)), "unread": .integer(Int64(unread)),
                "pruned_shards": .array(try pruned.numbers.map { .integer(Int64(clamping: $0)) }),
            ])
        } else {
            for row in rows { row.lines.forEach { print($0) } }
        }
        NewerEntries.note(unread, "they may be uses too, and are not counted")
        try pruned.note("what was used there alone counts as never used")
    }

    private func isInPolicy(_ id: String, _ policy: PolicySet) -> Bool {
        policy.rules.contains { $0.id == id } || policy.denials.contains { $0.id == id }
    }

    /// Whether a rule could apply to the user, agent, gateway, target and tool that are asked for.
    private func isWanted(_ rule: Rule) -> Bool {
        func admits(_ names: [String]?, _ name: String?) -> Bool { name.map { names?.contains($0) ?? true } ?? true }
        let conditions = rule.conditions
        return admits(conditions.users?.subjects, filters.user) && admits(conditions.agents?.subjects, filters.agent)
            && admits(conditions.gateways, filters.gateway) && admits(conditions.tools, filters.tool)
            && (filters.target == nil || conditions.target == filters.target)
    }

    /// One rule, what it admits and what was made of it.
    private struct Row {
        let id: String
        let rule: Rule?
        let use: RuleUse?
        var isDenial = false
        var isGone = false

        /// What the rule names; a user's groups are the identity provider's to resolve.
        private var admitted: [(String, [String])] {
            guard let rule else { return [] }
            let could = rule.conditions
            var users = could.users?.subjects ?? could.users?.anyGroup?.map { "group " + $0 } ?? ["all of its issuer"]
            if could.usersAbsent { users = ["none: a client asks for itself"] }
            if could.users == nil, !could.usersAbsent { users = ["any, or none"] }
            return [
                ("users", users), ("users_issuer", could.users.map { [$0.issuer] } ?? []),
                ("agents", could.agents?.subjects ?? ["any, or none"]),
                ("agents_issuer", could.agents.map { [$0.issuer] } ?? []), ("gateways", could.gateways ?? []),
                ("target", could.target.map { [$0] } ?? []), ("tools", could.tools ?? ["none: scopes alone"]),
                ("actions", could.actions ?? []), ("locations", could.locations ?? []),
                ("identifiers", could.identifiers ?? []), ("scopes", rule.scopes ?? []),
                ("require", rule.requirements.map(\.rawValue)),
            ].filter { !$0.1.isEmpty }
        }

        var lines: [String] {
            var lines = ["\(isDenial ? "denial" : "rule") \(id)\(isGone ? "  (no longer in the policy)" : "")"]
            for (name, values) in admitted { lines.append("  could    \(name): \(values.joined(separator: ", "))") }
            guard let use, use.granted + use.denied > 0 else { return lines + ["  never used"] }
            if use.granted > 0 {
                lines.append("  granted  \(use.granted) times, last \(use.lastGranted?.rfc3339 ?? "-")")
                lines.append("  did      users: \(use.users.sorted().joined(separator: ", "))")
                if !use.agents.isEmpty {
                    lines.append("  did      agents: \(use.agents.sorted().joined(separator: ", "))")
                }
                if !use.tools.isEmpty {
                    lines.append("  did      tools: \(use.tools.sorted().joined(separator: ", "))")
                }
            }
            if use.denied > 0 {
                // A rule denies nothing: the log names the one that came nearest.
                lines.append(
                    isDenial ? "  denied   \(use.denied) times" : "  nearest  to \(use.denied) refused requests")
            }
            return lines
        }

        var json: JSONValue {
            func list(_ values: some Collection<String>) -> JSONValue { .array(values.sorted().map { .string($0) }) }
            return [
                "id": .string(id), "kind": isDenial ? "denial" : "rule", "in_policy": .bool(!isGone),
                "could": .object(JSONObject(admitted.map { .init(name: $0.0, value: list($0.1)) })),
                "granted": .integer(use?.granted ?? 0), "denied": .integer(isDenial ? use?.denied ?? 0 : 0),
                "nearest": .integer(isDenial ? 0 : use?.denied ?? 0),
                "last_granted": use?.lastGranted.map { .string($0.rfc3339) } ?? .null,
                "users": list(use?.users ?? []), "agents": list(use?.agents ?? []), "tools": list(use?.tools ?? []),
            ]
        }
    }
}
