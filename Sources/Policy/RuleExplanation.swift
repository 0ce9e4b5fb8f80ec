/// What one rule or denial makes of a request, for `policy explain`.
///
/// `line` quotes the request; it is for the operator's terminal, never for the log.
package struct RuleExplanation: Sendable, Equatable {
    /// What the rule does when it matches.
    package enum Effect: String, Sendable {
        /// A rule.
        case grants
        /// A denial.
        case denies
    }

    /// Id of the rule or denial.
    package let id: String
    /// What it does when it matches.
    package let effect: Effect
    /// The first member that does not match; nil when all match.
    package let failed: RuleMember?
    /// The same in words.
    package let line: String

    /// Whether all members match.
    package var matches: Bool { failed == nil }
}

extension PolicySet {
    /// What each denial, then each rule makes of a request, in file order; throws when the request is malformed.
    package func explain(_ request: AccessRequest) throws(Denial) -> [RuleExplanation] {
        let prepared = try PreparedRequest(request)
        var explanations: [RuleExplanation] = []
        for (position, denial) in denials.enumerated() {
            let failed = firstMismatch(denial: position, prepared)
            let words = ExplanationWords(
                conditions: denial.conditions, scopes: denial.scopes ?? [], requirements: [], request: request)
            let line = failed.map { "denial \(denial.id): does not apply: \(words.why($0))" }
            explanations.append(
                RuleExplanation(
                    id: denial.id, effect: .denies, failed: failed,
                    line: line ?? "denial \(denial.id): applies: nothing is granted"))
        }
        for (position, rule) in rules.enumerated() {
            let failed = firstMismatch(rule: position, prepared)
            let words = ExplanationWords(
                conditions: rule.conditions, scopes: rule.scopes ?? [], requirements: rule.requirements,
                request: request)
            let line = failed.map { "rule \(rule.id): does not match: \(words.why($0))" }
            explanations.append(
                RuleExplanation(
                    id: rule.id, effect: .grants, failed: failed,
                    line: line ?? "rule \(rule.id): grants everything asked"))
        }
        return explanations
    }
}

/// Says in words why a member does not match.
private struct ExplanationWords {
    let conditions: Conditions
    let scopes: [String]
    let requirements: [Requirement]
    let request: AccessRequest

    func why(_ member: RuleMember) -> String {
        let user = request.user
        let details = request.invocation
        switch member {
        case .target: return compare(member, conditions.target.map { [$0] }, [request.target])
        case .gateways: return compare(member, conditions.gateways, [request.gateway])
        case .users where conditions.usersAbsent: return "users: is for requests without a user"
        case .users: return "users: is for requests with a user, and there is none"
        case .usersIssuer: return compare(member, conditions.users.map { [$0.issuer] }, user.map { [$0.issuer] })
        case .usersSubjects: return compare(member, conditions.users?.subjects, user.map { [$0.subject] })
        case .usersAnyGroup: return compare(member, conditions.users?.anyGroup, user?.groups)
        case .agentsIssuer: return compare(member, conditions.agents.map { [$0.issuer] }, agent(\.issuer))
        case .agentsSubjects: return compare(member, conditions.agents?.subjects, agent(\.subject))
        case .tools where conditions.tools == nil:
            return "the rule names no tools, so it is for requests without details"
        case .tools: return compare(member, conditions.tools, details.map { [$0.tool] })
        case .actions: return compare(member, conditions.actions, details?.actions)
        case .locations: return compare(member, conditions.locations, details?.locations)
        case .identifiers: return compare(member, conditions.identifiers, details?.identifier.map { [$0] })
        case .require:
            let missing = requirements.filter { !request.satisfies($0) }.map(\.rawValue)
            return "require: not proven: \(missing.joined(separator: ", "))"
        case .scopes: return compare(member, scopes, request.scopes)
        }
    }

    private func agent(_ path: KeyPath<AccessRequest.Agent, String>) -> [String]? {
        request.agent.map { [$0[keyPath: path]] }
    }

    private func compare(_ member: RuleMember, _ named: [String]?, _ given: [String]?) -> String {
        let names = (named ?? []).joined(separator: ", ")
        guard let given, !given.isEmpty else { return "\(member.rawValue): names [\(names)], the request has none" }
        return "\(member.rawValue): names [\(names)], the request has [\(given.joined(separator: ", "))]"
    }
}
