import Testing

@testable import Policy

/// The sentences of the policy's meaning that are about denials.
@Suite struct DenialMeaningTests {
    private func policy(_ denial: DenialRule) throws -> PolicySet {
        try PolicySet(rules: [Fixtures.rule(), Fixtures.scopeRule()], denials: [denial])
    }

    private static let members: [(String, Conditions)] = [
        ("gateways", Conditions(gateways: ["spiffe://acme.example/gateway/mcp"])),
        ("agents", Conditions(agents: .init(issuer: "agents", subjects: ["sales-assistant"]))),
        ("users", Conditions(users: .init(issuer: "corp"))),
        ("users.subjects", Conditions(users: .init(issuer: "corp", subjects: ["alice"]))),
        ("users.any_group", Conditions(users: .init(issuer: "corp", anyGroup: ["sales"]))),
        ("target", Conditions(target: "salesforce")),
        ("tools", Conditions(tools: ["crm.update_opportunity"])),
        ("actions", Conditions(actions: ["update"])),
        ("locations", Conditions(locations: ["https://acme.my.salesforce.com/services/data/*/sobjects/*/*"])),
        ("identifiers", Conditions(identifiers: ["0065g00000Xyz"])),
    ]

    @Test("deny wins, by whatever member", arguments: members)
    func denyWins(name: String, conditions: Conditions) throws {
        let policy = try policy(DenialRule(id: "no", conditions: conditions))
        let denial = try #require(throws: Denial.self) { _ = try policy.grant(Fixtures.request(), now: 0) }
        #expect(denial.code == .deniedByRule)
        #expect(denial.ruleID == "no")
    }

    @Test(
        "a denial that does not match denies nothing",
        arguments: [
            Conditions(gateways: ["other"]), Conditions(agents: .init(issuer: "agents", subjects: ["other"])),
            Conditions(agents: .init(issuer: "corp", subjects: ["sales-assistant"])),
            Conditions(users: .init(issuer: "partners")),
            Conditions(users: .init(issuer: "corp", subjects: ["bob"])),
            Conditions(users: .init(issuer: "corp", anyGroup: ["contractors"])), Conditions(target: "demo-api"),
            Conditions(tools: ["crm.delete"]), Conditions(actions: ["delete"]),
            Conditions(locations: ["https://acme.my.salesforce.com/services/data/*/sobjects/Account/*"]),
            Conditions(locations: ["https://acme.my.salesforce.com/services/data/v59.0/sobjects/*/{identifier}"]),
            Conditions(identifiers: ["other"]), Conditions(actions: ["update"], identifiers: ["other"]),
        ])
    func doesNotMatch(conditions: Conditions) throws {
        let policy = try policy(DenialRule(id: "no", conditions: conditions))
        #expect(Fixtures.decide(policy, Fixtures.request()) == .granted("crm-update"))
    }

    @Test(
        "an absent member matches in a denial",
        arguments: [
            Conditions(agents: .init(issuer: "agents", subjects: ["rogue"])), Conditions(tools: ["crm.delete"]),
            Conditions(actions: ["delete"]), Conditions(locations: ["https://acme.my.salesforce.com/setup/*"]),
            Conditions(identifiers: ["0065g00000Abc"]),
            Conditions(users: .init(issuer: "corp", anyGroup: ["contractors"])),
        ])
    func absentMemberMatches(conditions: Conditions) throws {
        let rule = Fixtures.scopeRule { $0.conditions.users?.anyGroup = nil }
        let request = Fixtures.request {
            $0.agent = nil
            $0.invocation = nil
            $0.scopes = ["read"]
            $0.user?.groups = nil
        }
        #expect(Fixtures.decide(try PolicySet(rules: [rule]), request) == .granted("crm-read"))
        let policy = try PolicySet(rules: [rule], denials: [DenialRule(id: "no", conditions: conditions)])
        #expect(Fixtures.decide(policy, request) == .refused(.deniedByRule))
    }

    @Test func oneDeniedActionAmongOthersIsEnough() throws {
        let rule = Fixtures.rule { $0.conditions.actions = ["update", "delete"] }
        let denial = DenialRule(id: "no-deletes", conditions: Conditions(actions: ["delete"]))
        let policy = try PolicySet(rules: [rule], denials: [denial])
        let request = Fixtures.request { $0.invocation?.actions = ["update", "delete"] }
        #expect(Fixtures.decide(policy, request) == .refused(.deniedByRule))
        #expect(Fixtures.decide(policy, Fixtures.request()) == .granted("crm-update"))
    }

    @Test func oneDeniedLocationAmongOthersIsEnough() throws {
        let rule = Fixtures.rule { $0.conditions.locations = nil }
        let denial = DenialRule(id: "no-setup", conditions: Conditions(locations: ["https://acme.example/setup/*"]))
        let policy = try PolicySet(rules: [rule], denials: [denial])
        let request = Fixtures.request { $0.invocation?.locations.append("https://acme.example/setup/users") }
        #expect(Fixtures.decide(policy, request) == .refused(.deniedByRule))
    }

    @Test(
        "a query does not slip past a denial",
        arguments: ["https://acme.example/setup/users?x=1", "https://acme.example/setup/users?a=/../b"])
    func query(location: String) throws {
        let rule = Fixtures.rule { $0.conditions.locations = nil }
        let denial = DenialRule(id: "no-setup", conditions: Conditions(locations: ["https://acme.example/setup/*"]))
        let policy = try PolicySet(rules: [rule], denials: [denial])
        let request = Fixtures.request { $0.invocation?.locations = [location] }
        #expect(Fixtures.decide(policy, request) == .refused(.deniedByRule))
    }

    @Test(
        "an identifier that is absent or unusable matches in a denial's pattern", arguments: [nil, "a/b", "..", "%2e"])
    func identifierInDenial(identifier: String?) throws {
        let rule = Fixtures.rule { $0.conditions.locations = nil }
        let pattern = "https://acme.my.salesforce.com/services/data/*/sobjects/Opportunity/{identifier}"
        let denial = DenialRule(id: "no", conditions: Conditions(locations: [pattern]))
        let policy = try PolicySet(rules: [rule], denials: [denial])
        let request = Fixtures.request { $0.invocation?.identifier = identifier }
        #expect(Fixtures.decide(policy, request) == .refused(.deniedByRule))
    }

    @Test func aDenialOfScopesMatchesAnyOfThemAndAMissingScope() throws {
        let denial = DenialRule(id: "no-list", conditions: Conditions(target: "salesforce"), scopes: ["list"])
        let policy = try PolicySet(rules: [Fixtures.scopeRule()], denials: [denial])
        func decide(_ scopes: [String]?) -> Decision {
            Fixtures.decide(
                policy,
                Fixtures.request {
                    $0.invocation = nil
                    $0.scopes = scopes
                })
        }
        #expect(decide(["read"]) == .granted("crm-read"))
        #expect(decide(["read", "list"]) == .refused(.deniedByRule))
        #expect(decide(nil) == .refused(.deniedByRule))
    }

    @Test func emptyGroupsAreNotAbsentGroups() throws {
        let rule = Fixtures.rule { $0.conditions.users?.anyGroup = nil }
        let conditions = Conditions(users: .init(issuer: "corp", anyGroup: ["contractors"]))
        let policy = try PolicySet(rules: [rule], denials: [DenialRule(id: "no", conditions: conditions)])
        #expect(Fixtures.decide(policy, Fixtures.request { $0.user?.groups = [] }) == .granted("crm-update"))
        #expect(Fixtures.decide(policy, Fixtures.request { $0.user?.groups = nil }) == .refused(.deniedByRule))
    }
}
