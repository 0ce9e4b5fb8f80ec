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
    /// A mint that came to nothing is no use of its rule: nobody got that credential.
    ///
    /// - Parameters:
    ///   - series: The log; what is appended meanwhile does not count.
    ///   - filter: Which entries count.
    /// - Returns: The uses by the rule's id, and how many entries may be uses but are of a newer version.
    /// - Throws: What keeps the log from being read.
    package static func collect(
        _ series: LogSeries, filter: EntryFilter = EntryFilter()
    ) throws(AuditLogError) -> (uses: [String: RuleUse], unread: Int) {
        let (aborted, end) = try abortedMints(series)
        var uses: [String: RuleUse] = [:]
        var unread = 0
        try series.forEach { (shard, index, bytes) throws(AuditLogError) in
            guard (shard, index) < end else { return }
            switch filter.answer(bytes) {
            case .unwanted: return
            case .unread: unread += 1
            case .wanted(let entry):
                guard let rule = entry.ruleID, let decision = EntryFilter.decision(of: entry),
                    entry.kind != .mintAborted, entry.kind != .mint || !aborted.contains(entry.jti ?? "")
                else { return }
                uses[rule, default: RuleUse()].add(entry, decision)
            }
        }
        return (uses, unread)
    }

    /// The credentials that nobody got, and where the log ended when they were collected.
    ///
    /// They are few, and each stands after its mint: so they are known before the first mint is counted.
    private static func abortedMints(
        _ series: LogSeries
    ) throws(AuditLogError) -> (jtis: Set<String>, end: (UInt64, UInt64)) {
        let needle = Array("\"kind\":\"\(Entry.Kind.mintAborted.rawValue)\"".utf8)
        var jtis: Set<String> = []
        var end: (UInt64, UInt64) = (0, 0)
        try series.forEach { (shard, index, bytes) throws(AuditLogError) in
            end = (shard, index + 1)
            // One that a newer version wrote says it in the same words.
            guard bytes.contains(needle), let object = (try? JSONParser.parse(bytes))?.object,
                object["kind"]?.string == Entry.Kind.mintAborted.rawValue
            else { return }
            if let jti = object["jti"]?.string { jtis.insert(jti) }
        }
        return (jtis, end)
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
