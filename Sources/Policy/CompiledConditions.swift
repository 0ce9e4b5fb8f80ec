/// Conditions in the form in which requests are compared with them.
///
/// A class, though nothing in it changes: every request reads it, and a copy would count a reference to each set.
final class CompiledConditions: Sendable {
    /// Which of the two meanings conditions have.
    enum Reading: Sendable {
        /// In a rule: what is named must be present, and all of a list must be allowed.
        case rule
        /// In a denial: what is absent matches, and one of a list is enough.
        case denial
    }

    private let reading: Reading
    private let target: String?
    private let gateways: Set<String>?
    private let usersAbsent: Bool
    private let usersIssuer: String?
    private let usersSubjects: Set<String>?
    private let usersAnyGroup: Set<String>?
    private let agentsIssuer: String?
    private let agentsSubjects: Set<String>?
    private let tools: Set<String>?
    private let actions: Set<String>?
    private let locations: [LocationPattern]?
    private let identifiers: Set<String>?

    /// Compiles conditions that have been checked.
    init(_ conditions: Conditions, locations: [LocationPattern]?, reading: Reading) {
        self.reading = reading
        self.locations = locations
        target = conditions.target
        gateways = conditions.gateways.map { Set($0) }
        usersAbsent = conditions.usersAbsent
        usersIssuer = conditions.users?.issuer
        usersSubjects = conditions.users?.subjects.map { Set($0) }
        usersAnyGroup = conditions.users?.anyGroup.map { Set($0) }
        agentsIssuer = conditions.agents?.issuer
        agentsSubjects = conditions.agents.map { Set($0.subjects) }
        tools = conditions.tools.map { Set($0) }
        actions = conditions.actions.map { Set($0) }
        identifiers = conditions.identifiers.map { Set($0) }
    }

    /// The first member that does not match, in the order of `RuleMember`; nil when the conditions match.
    func firstMismatch(_ prepared: PreparedRequest) -> RuleMember? {
        let request = prepared.request
        if let target, target != request.target { return .target }
        if let gateways, !gateways.contains(request.gateway) { return .gateways }
        if let member = firstMismatch(user: request.user) { return member }
        if let agentsIssuer, !matches(agentsIssuer, request.agent?.issuer) { return .agentsIssuer }
        if let agentsSubjects, !matches(agentsSubjects, request.agent?.subject) { return .agentsSubjects }
        return firstMismatch(prepared, details: request.invocation)
    }

    /// That there is no user is known, not merely unsaid: what names users is then about somebody else, in a denial too.
    private func firstMismatch(user: AccessRequest.User?) -> RuleMember? {
        guard let user else { return usersIssuer == nil ? nil : .users }
        guard !usersAbsent else { return .users }
        if let usersIssuer, usersIssuer != user.issuer { return .usersIssuer }
        if let usersSubjects, !usersSubjects.contains(user.subject) { return .usersSubjects }
        if let usersAnyGroup, !matches(usersAnyGroup, anyOf: user.groups) { return .usersAnyGroup }
        return nil
    }

    private func firstMismatch(_ prepared: PreparedRequest, details: ToolInvocation?) -> RuleMember? {
        if let tools {
            guard matches(tools, details?.tool) else { return .tools }
        } else if reading == .rule, details != nil {
            return .tools
        }
        if let actions, !matches(list: details?.actions ?? [], { actions.contains($0) }) { return .actions }
        if let locations, !matches(list: prepared.locations, { isCovered($0, by: locations, prepared.identifier) }) {
            return .locations
        }
        if let identifiers, !matches(identifiers, details?.identifier) { return .identifiers }
        return nil
    }

    private func matches(_ name: String, _ value: String?) -> Bool {
        guard let value else { return reading == .denial }
        return name == value
    }

    private func matches(_ names: Set<String>, _ value: String?) -> Bool {
        guard let value else { return reading == .denial }
        return names.contains(value)
    }

    /// Groups are the one list of which one is enough in a rule too: a user has many, and a rule names some.
    private func matches(_ names: Set<String>, anyOf values: [String]?) -> Bool {
        guard let values else { return reading == .denial }
        return values.contains { names.contains($0) }
    }

    private func matches<Element>(list: [Element], _ allows: (Element) -> Bool) -> Bool {
        guard !list.isEmpty else { return reading == .denial }
        switch reading {
        case .rule: return list.allSatisfy(allows)
        case .denial: return list.contains(where: allows)
        }
    }

    private func isCovered(
        _ location: [UInt8], by patterns: [LocationPattern], _ identifier: LocationIdentifier
    ) -> Bool {
        switch reading {
        case .rule: patterns.contains { $0.matches(location, identifier: identifier) }
        case .denial: patterns.contains { $0.denies(location, identifier: identifier) }
        }
    }
}
