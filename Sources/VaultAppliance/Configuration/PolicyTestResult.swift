package import Policy
package import StrictEncoding

/// What became of one case of a policy test.
package struct PolicyTestResult: Sendable, Equatable {
    /// The case's name.
    package let name: String
    /// Whether the decision is the one that was expected.
    package let passed: Bool
    /// The decision in words.
    package let decision: String
    /// What was expected, in the same words.
    package let expected: String

    /// Decides a case; `now` is in seconds since 1970.
    package init(_ test: PolicyTestDocument.Case, policy: PolicySet, now: Int64) {
        name = test.name
        expected = test.expectation.words
        do throws(Denial) {
            let grant = try policy.grant(test.request, now: now)
            let (scopes, lifetime) = (grant.scopes, grant.lifetime.granted(asked: test.expiresIn))
            decision =
                PolicyTestDocument.Expectation.granted(rule: grant.ruleID, scopes: scopes, lifetime: lifetime).words
            passed = test.expectation.matches(rule: grant.ruleID, scopes: scopes, lifetime: lifetime)
        } catch {
            decision = PolicyTestDocument.Expectation.refused(error.code, rule: error.ruleID).words
            passed = test.expectation.matches(error)
        }
    }

    /// For machines.
    package var json: JSONValue {
        [
            "name": .string(name), "passed": .bool(passed), "decision": .string(decision),
            "expected": .string(expected),
        ]
    }
}

extension PolicyTestDocument.Expectation {
    fileprivate var words: String {
        switch self {
        case .granted(let rule, let scopes, let lifetime):
            "granted by \(rule)" + (scopes.map { ", scope [\($0.joined(separator: " "))]" } ?? "")
                + (lifetime.map { ", \($0) s" } ?? "")
        case .refused(let code, let rule): "refused: \(code.rawValue)" + (rule.map { " by \($0)" } ?? "")
        }
    }

    /// Scopes are a set: their order is that of the request or of the rule.
    fileprivate func matches(rule: String, scopes: [String], lifetime: Int64) -> Bool {
        guard case .granted(let expectedRule, let expectedScopes, let expectedLifetime) = self else { return false }
        return rule == expectedRule && expectedScopes.map { Set($0) == Set(scopes) } ?? true
            && expectedLifetime.map { $0 == lifetime } ?? true
    }

    fileprivate func matches(_ denial: Denial) -> Bool {
        guard case .refused(let code, let rule) = self else { return false }
        return code == denial.code && rule.map { $0 == denial.ruleID } ?? true
    }
}
