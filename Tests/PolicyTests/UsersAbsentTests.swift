import Testing

@testable import Policy

/// Requests without a user: a client that asks for itself.
@Suite struct UsersAbsentTests {
    private static let machine = Rule(
        id: "nightly",
        conditions: Conditions(
            gateways: ["spiffe://acme.example/gateway/mcp"], usersAbsent: true, target: "salesforce"),
        scopes: ["read"])

    private static func request(_ change: (inout AccessRequest) -> Void = { _ in }) -> AccessRequest {
        var request = AccessRequest(
            gateway: "spiffe://acme.example/gateway/mcp", user: nil, target: "salesforce", scopes: ["read"])
        change(&request)
        return request
    }

    @Test func onlyARuleForNoUserGrantsWithoutOne() throws {
        let policy = try PolicySet(rules: [Fixtures.scopeRule(), Self.machine])
        #expect(Fixtures.decide(policy, Self.request()) == .granted("nightly"))
        let others = try PolicySet(rules: [Fixtures.scopeRule { $0.conditions.users?.anyGroup = nil }])
        #expect(Fixtures.decide(others, Self.request()) == .refused(.noMatchingRule))
    }

    @Test func aRuleForNoUserGrantsNothingToAUser() throws {
        let policy = try PolicySet(rules: [Self.machine])
        let request = Self.request { $0.user = .init(issuer: "corp", subject: "alice") }
        #expect(Fixtures.decide(policy, request) == .refused(.noMatchingRule))
        let lines = try policy.explain(request).map(\.line)
        #expect(lines == ["rule nightly: does not match: users: is for requests without a user"])
    }

    @Test func thatThereIsNoUserIsKnownSoADenialOfUsersIsAboutOthers() throws {
        let mallory = DenialRule(
            id: "no-mallory", conditions: Conditions(users: .init(issuer: "corp", subjects: ["mallory"])))
        #expect(
            Fixtures.decide(try PolicySet(rules: [Self.machine], denials: [mallory]), Self.request())
                == .granted("nightly"))
        let machines = DenialRule(id: "no-machines", conditions: Conditions(usersAbsent: true))
        let policy = try PolicySet(rules: [Self.machine, Fixtures.scopeRule()], denials: [machines])
        #expect(Fixtures.decide(policy, Self.request()) == .refused(.deniedByRule))
        let user = Self.request { $0.user = .init(issuer: "corp", subject: "alice", groups: ["sales"]) }
        #expect(Fixtures.decide(policy, user) == .granted("crm-read"))
    }

    @Test func aRuleSaysWhoseUsersOrNone() {
        let rule = Rule(id: "r", conditions: Conditions(gateways: ["g"], target: "t"))
        #expect(throws: PolicyError.self) { try PolicySet(rules: [rule]) }
    }
}
