import Testing

@testable import Policy

@Suite struct NearMissTests {
    private static let table: [(Change, RuleMember, String?)] = [
        (Change("target") { $0.target = "elsewhere" }, .target, nil),
        (Change("gateway") { $0.gateway = "other" }, .gateways, "far"),
        (Change("issuer") { $0.user?.issuer = "partners" }, .usersIssuer, "crm-update"),
        (Change("groups") { $0.user?.groups = ["staff"] }, .usersAnyGroup, "crm-update"),
        (Change("agent's issuer") { $0.agent?.issuer = "robots" }, .agentsIssuer, "crm-update"),
        (Change("agent") { $0.agent?.subject = "other" }, .agentsSubjects, "crm-update"),
        (Change("tool") { $0.invocation?.tool = "other" }, .tools, "crm-update"),
        (Change("action") { $0.invocation?.actions = ["other"] }, .actions, "crm-update"),
        (Change("location") { $0.invocation?.locations = ["other"] }, .locations, "crm-update"),
        (Change("proof") { $0.facts = [] }, .require, "crm-update"),
        (Change("scope") { $0.scopes = ["other"] }, .scopes, "crm-update"),
    ]

    @Test("a refusal names the rule that came nearest and where it failed", arguments: table)
    func nearest(change: Change, member: RuleMember, ruleID: String?) throws {
        let far = Fixtures.rule {
            $0.id = "far"
            $0.conditions.gateways = ["far"]
        }
        // `far` stands first; it may be nearest only where both rules fail at the same member.
        let policy = try PolicySet(rules: [far, Fixtures.rule()])
        let denial = try #require(throws: Denial.self) {
            _ = try policy.grant(Fixtures.request(change.apply), now: 0)
        }
        #expect(denial.member == member)
        #expect(denial.ruleID == ruleID)
    }

    @Test func amongManyRulesTheOneThatFailsAtTheScopeAloneIsStillFound() throws {
        var rules = (0..<500).map { number in
            Fixtures.rule {
                $0.id = "rule-\(number)"
                $0.conditions.tools = ["tool-\(number)"]
            }
        }
        rules.append(Fixtures.rule())
        let denial = try #require(throws: Denial.self) {
            _ = try PolicySet(rules: rules).grant(Fixtures.request { $0.scopes = ["more"] }, now: 0)
        }
        #expect(denial.code == .excessScope)
        #expect(denial.ruleID == "crm-update")
    }

    @Test func membersRankInTheOrderOfTheirDeclaration() {
        #expect(RuleMember.allCases == RuleMember.allCases.sorted())
    }

    @Test func everyMemberHasItsOwnReason() {
        #expect(Set(RuleMember.allCases.map(\.reason)).count == RuleMember.allCases.count)
    }

    @Test func denialsAreEqualWhenTheirCodesAre() {
        #expect(Denial(.deniedByRule, ruleID: "a") == Denial(.deniedByRule, ruleID: "b"))
        #expect(Denial(.deniedByRule) != Denial(.noMatchingRule))
    }
}
