/// Why nothing was granted.
///
/// `reason` is for the log and holds no value of the request; the client learns the wire code alone.
package struct Denial: Error, Sendable, Equatable {
    /// The kinds of refusal.
    package enum Code: String, Sendable, CaseIterable {
        /// A value is not in the one form that can be compared exactly: not visible ASCII, an odd location, empty.
        case malformedRequest = "malformed_request"
        /// A denial matches.
        case deniedByRule = "denied_by_rule"
        /// No rule matches.
        case noMatchingRule = "no_matching_rule"
        /// A rule matches but for what it requires.
        case requirementMissing = "requirement_missing"
        /// A rule matches but for the scope, which asks for more.
        case excessScope = "excess_scope"
    }

    /// The kind.
    package let code: Code
    /// The denial that matched, or the rule that came nearest; nil when no rule is for this target.
    package let ruleID: String?
    /// The member that is malformed, or at which the nearest rule failed.
    package let member: RuleMember?
    /// With `requirementMissing`: what was not proven, in the order of the rule.
    package let missing: [Requirement]
    /// With `excessScope`: what the rule does not allow, in the order of the request.
    package let excess: [String]

    init(
        _ code: Code, ruleID: String? = nil, member: RuleMember? = nil, missing: [Requirement] = [],
        excess: [String] = []
    ) {
        self.code = code
        self.ruleID = ruleID
        self.member = member
        self.missing = missing
        self.excess = excess
    }

    /// The cause in our own fixed words, for the log.
    package var reason: String {
        switch code {
        case .malformedRequest: "the request has a value of an unacceptable form: \(member?.rawValue ?? "unknown")"
        case .deniedByRule: "a denial matches"
        case .requirementMissing: "required and not proven: " + missing.map(\.rawValue).joined(separator: ", ")
        case .noMatchingRule, .excessScope: member?.reason ?? "no rule matches"
        }
    }

    /// Denials are equal when their codes are.
    package static func == (left: Denial, right: Denial) -> Bool { left.code == right.code }
}
