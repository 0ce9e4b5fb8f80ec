import Testing

@testable import Policy

@Suite struct RuleExplanationTests {
    @Test func everyDenialAndRuleSaysWhatItMakesOfARequest() throws {
        let policy = try PolicySet(
            rules: [
                Fixtures.scopeRule(), Fixtures.rule(),
                Fixtures.rule {
                    $0.id = "crm-delete"
                    $0.conditions.actions = ["delete"]
                },
            ],
            denials: [
                DenialRule(id: "no-deletes", conditions: Conditions(actions: ["delete"])),
                DenialRule(id: "no-alice", conditions: Conditions(users: .init(issuer: "corp", subjects: ["alice"]))),
            ])
        let explanations = try policy.explain(Fixtures.request())
        #expect(
            explanations.map(\.line) == [
                "denial no-deletes: does not apply: actions: names [delete], the request has [update]",
                "denial no-alice: applies: nothing is granted",
                "rule crm-read: does not match: the rule names no tools, so it is for requests without details",
                "rule crm-update: grants everything asked",
                "rule crm-delete: does not match: actions: names [delete], the request has [update]",
            ])
        #expect(explanations.map(\.matches) == [false, true, false, true, false])
        #expect(explanations.map(\.effect) == [.denies, .denies, .grants, .grants, .grants])
    }

    @Test(
        "the member that failed first is named with both sides",
        arguments: [
            (
                Change("groups") { $0.user?.groups = ["support"] },
                "users.any_group: names [sales], the request has [support]"
            ),
            (Change("no groups") { $0.user?.groups = nil }, "users.any_group: names [sales], the request has none"),
            (Change("no agent") { $0.agent = nil }, "agents.issuer: names [agents], the request has none"),
            (
                Change("no details") { $0.invocation = nil },
                "tools: names [crm.update_opportunity], the request has none"
            ),
            (Change("no proof") { $0.facts = [.dpop] }, "require: not proven: actor_bound"),
            (Change("scope") { $0.scopes = ["api", "full"] }, "scopes: names [api], the request has [api, full]"),
        ])
    func words(change: Change, words: String) throws {
        let explanations = try PolicySet(rules: [Fixtures.rule()]).explain(Fixtures.request(change.apply))
        #expect(explanations.map(\.line) == ["rule crm-update: does not match: " + words])
    }

    @Test func aMalformedRequestIsNotExplained() throws {
        let policy = try PolicySet(rules: [Fixtures.rule()])
        #expect(throws: Denial(.malformedRequest)) { try policy.explain(Fixtures.request { $0.gateway = "" }) }
    }
}
