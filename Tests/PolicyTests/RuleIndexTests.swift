import Testing

@testable import Policy

@Suite struct RuleIndexTests {
    struct Spread: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let change: @Sendable (inout Rule, Int) -> Void

        init(_ name: String, _ change: @escaping @Sendable (inout Rule, Int) -> Void) {
            testDescription = name
            self.change = change
        }
    }

    private static let spreads: [Spread] = [
        Spread("target") { $0.conditions.target = $1 == 7 ? "salesforce" : "target-\($1)" },
        Spread("gateway") {
            $0.conditions.gateways = [$1 == 7 ? "spiffe://acme.example/gateway/mcp" : "gateway-\($1)"]
        },
        Spread("user") {
            $0.conditions.users = .init(issuer: "corp", subjects: [$1 == 7 ? "alice" : "user-\($1)"])
        },
        Spread("group") {
            $0.conditions.users = .init(issuer: "corp", anyGroup: [$1 == 7 ? "sales" : "group-\($1)"])
        },
        Spread("agent") {
            $0.conditions.agents = .init(issuer: "agents", subjects: [$1 == 7 ? "sales-assistant" : "agent-\($1)"])
        },
        Spread("tool") { $0.conditions.tools = [$1 == 7 ? "crm.update_opportunity" : "tool-\($1)"] },
        Spread("action") { $0.conditions.actions = [$1 == 7 ? "update" : "action-\($1)"] },
    ]

    @Test("of ten thousand rules that differ by one member the index offers one", arguments: spreads)
    func oneCandidate(spread: Spread) {
        let rules = (0..<10_000).map { number in
            Fixtures.rule {
                $0.id = "rule-\(number)"
                spread.change(&$0, number)
            }
        }
        let index = RuleIndex(rules.map(\.conditions), reading: .rule)
        #expect(index.candidates(for: Fixtures.request()) == [7])
    }

    @Test func rulesThatDifferByAPairOfMembersLeaveFewCandidates() {
        let rules = (0..<10_000).map { number in
            Fixtures.rule {
                $0.conditions.users = .init(
                    issuer: "corp", anyGroup: number % 100 == 0 ? ["sales"] : ["g\(number % 100)"])
                $0.conditions.tools = number / 100 == 0 ? ["crm.update_opportunity"] : ["tool-\(number / 100)"]
            }
        }
        let index = RuleIndex(rules.map(\.conditions), reading: .rule)
        let candidates = index.candidates(for: Fixtures.request())
        #expect(candidates.contains(0))
        #expect(candidates.count <= 200)
    }

    @Test func candidatesAreInFileOrderAndUnique() {
        let rules = [
            Fixtures.rule { $0.conditions.users?.anyGroup = ["sales", "staff"] }, Fixtures.rule(), Fixtures.scopeRule(),
            Fixtures.rule { $0.conditions.users?.anyGroup = ["staff", "sales"] },
        ]
        let index = RuleIndex(rules.map(\.conditions), reading: .rule)
        let candidates = index.candidates(for: Fixtures.request())
        #expect(candidates == Array(Set(candidates)).sorted())
        #expect(Set(candidates).isSuperset(of: [0, 1, 3]))
    }

    @Test func aDenialIsOfferedWhenTheMemberItIsFiledUnderIsAbsent() {
        let denials = [
            Conditions(tools: ["x"]), Conditions(agents: .init(issuer: "agents", subjects: ["x"])),
            Conditions(actions: ["x"]), Conditions(users: .init(issuer: "corp", anyGroup: ["x"])),
            Conditions(users: .init(issuer: "corp", subjects: ["x"])), Conditions(locations: ["x"]),
        ]
        let index = RuleIndex(denials, reading: .denial)
        let bare = Fixtures.request {
            $0.agent = nil
            $0.invocation = nil
            $0.user?.groups = nil
        }
        #expect(index.candidates(for: bare) == [0, 1, 2, 3, 5])
        #expect(index.candidates(for: Fixtures.request()) == [5])
    }
}
