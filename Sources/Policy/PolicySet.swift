/// All rules and denials in force, checked and compiled; immutable, so that a reload replaces it as a whole.
///
/// Deny wins. No matching rule is a denial. One rule alone must grant everything asked, and the first in file order
/// supplies the lifetime. A class, though nothing in it changes: a copy would count a reference to each part.
package final class PolicySet: Sendable {
    /// The rules in file order.
    package let rules: [Rule]
    /// The denials in file order.
    package let denials: [DenialRule]

    let compiledRules: [CompiledConditions]
    let compiledDenials: [CompiledConditions]
    private let ruleScopes: [Set<String>]
    private let ruleIndex: RuleIndex
    private let denialIndex: RuleIndex
    private let positionsByTarget: [String: [Int]]

    /// How many rules of the target are looked at to explain a refusal, beside those that the index offers.
    ///
    /// A refusal must not cost more than a grant, or refusals would be a way to slow the appliance down.
    private static let nearMissLimit = 64

    /// Checks and compiles rules and denials; throws everything that is wrong with them at once.
    package init(rules: [Rule], denials: [DenialRule] = []) throws(PolicyError) {
        var checker = PolicyChecker()
        compiledRules = checker.compile(rules)
        compiledDenials = checker.compile(denials)
        guard checker.faults.isEmpty else { throw PolicyError(faults: checker.faults) }
        self.rules = rules
        self.denials = denials
        ruleScopes = rules.map { Set($0.scopes ?? []) }
        ruleIndex = RuleIndex(rules.map(\.conditions), reading: .rule)
        denialIndex = RuleIndex(denials.map(\.conditions), reading: .denial)
        positionsByTarget = Dictionary(grouping: rules.indices) { rules[$0].conditions.target ?? "" }
    }

    /// The permission for a request, or why there is none.
    ///
    /// `now` is in seconds since 1970-01-01T00:00:00Z.
    package func grant(_ request: AccessRequest, now: Int64) throws(Denial) -> Grant {
        let prepared = try PreparedRequest(request)
        if let id = firstDenial(prepared) { throw Denial(.deniedByRule, ruleID: id) }
        let candidates = ruleIndex.candidates(for: request)
        var nearest: NearMiss?
        for position in candidates {
            guard let member = firstMismatch(rule: position, prepared) else {
                return Grant(rule: rules[position], request: request, now: now)
            }
            nearest = NearMiss.nearer(nearest, NearMiss(position: position, member: member))
        }
        for position in (positionsByTarget[request.target] ?? []).prefix(PolicySet.nearMissLimit) {
            guard let member = firstMismatch(rule: position, prepared) else { continue }
            nearest = NearMiss.nearer(nearest, NearMiss(position: position, member: member))
        }
        throw refusal(nearest, request)
    }

    private func firstDenial(_ prepared: PreparedRequest) -> String? {
        guard !denials.isEmpty else { return nil }
        for position in denialIndex.candidates(for: prepared.request)
        where firstMismatch(denial: position, prepared) == nil {
            return denials[position].id
        }
        return nil
    }

    /// The first member of a rule that does not match; nil when the rule grants the request.
    func firstMismatch(rule position: Int, _ prepared: PreparedRequest) -> RuleMember? {
        let request = prepared.request
        if let member = compiledRules[position].firstMismatch(prepared) { return member }
        guard rules[position].requirements.allSatisfy(request.satisfies) else { return .require }
        guard request.scopes?.allSatisfy(ruleScopes[position].contains) ?? true else { return .scopes }
        return nil
    }

    /// The first member of a denial that does not match; nil when the denial refuses the request.
    func firstMismatch(denial position: Int, _ prepared: PreparedRequest) -> RuleMember? {
        if let member = compiledDenials[position].firstMismatch(prepared) { return member }
        guard let denied = denials[position].scopes, let asked = prepared.request.scopes else { return nil }
        return asked.contains { denied.contains($0) } ? nil : .scopes
    }

    private func refusal(_ nearest: NearMiss?, _ request: AccessRequest) -> Denial {
        guard let nearest, nearest.member != .target else { return Denial(.noMatchingRule, member: .target) }
        let rule = rules[nearest.position]
        switch nearest.member {
        case .require:
            let missing = rule.requirements.filter { !request.satisfies($0) }
            return Denial(.requirementMissing, ruleID: rule.id, member: .require, missing: missing)
        case .scopes:
            let allowed = ruleScopes[nearest.position]
            let excess = (request.scopes ?? []).filter { !allowed.contains($0) }
            return Denial(.excessScope, ruleID: rule.id, member: .scopes, excess: excess)
        default:
            return Denial(.noMatchingRule, ruleID: rule.id, member: nearest.member)
        }
    }
}

/// A rule that did not match, and where it failed.
private struct NearMiss {
    let position: Int
    let member: RuleMember

    /// The one that failed later; of two that failed at the same member the first in file order.
    static func nearer(_ one: NearMiss?, _ other: NearMiss) -> NearMiss {
        guard let one else { return other }
        if one.member != other.member { return one.member < other.member ? other : one }
        return one.position <= other.position ? one : other
    }
}
