package import StrictEncoding

/// Who made use of a rule, as far as the log tells.
package struct RuleUse: Sendable, Equatable {
    /// How often it granted.
    package private(set) var granted: Int64 = 0
    /// How often it denied.
    package private(set) var denied: Int64 = 0
    /// When it last granted.
    package private(set) var lastGranted: UnixTime?
    /// The users that it granted for.
    package private(set) var users: Set<String> = []
    /// The agents that acted for them.
    package private(set) var agents: Set<String> = []
    /// The tools that were to be called.
    package private(set) var tools: Set<String> = []

    /// Reads a log and says who used which rule.
    ///
    /// - Parameters:
    ///   - series: The log.
    ///   - filter: Which entries count.
    /// - Returns: By the rule's id.
    /// - Throws: What keeps the log from being read.
    package static func collect(
        _ series: LogSeries, filter: EntryFilter = EntryFilter()
    ) throws(AuditLogError) -> [String: RuleUse] {
        var uses: [String: RuleUse] = [:]
        try series.forEach { (_, _, bytes) throws(AuditLogError) in
            guard let entry = try? Entry(jsonBytes: bytes), let rule = entry.ruleID, filter.matches(entry),
                let decision = EntryFilter.decision(of: entry)
            else { return }
            uses[rule, default: RuleUse()].add(entry, decision)
        }
        return uses
    }

    private mutating func add(_ entry: Entry, _ decision: EntryFilter.Decision) {
        switch decision {
        case .denied: denied += entry.count ?? 1
        case .granted:
            granted += 1
            lastGranted = entry.time
            if let user = entry.user?.sub { users.insert(user) }
            for actor in entry.actors ?? [] { agents.insert(actor.sub) }
            if let tool = entry.tool { tools.insert(tool) }
        }
    }
}
