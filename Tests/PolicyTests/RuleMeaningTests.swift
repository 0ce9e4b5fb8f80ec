import Testing

@testable import Policy

/// The sentences of the policy's meaning that are about rules.
@Suite struct RuleMeaningTests {
    @Test func theRuleOfTheDocumentationGrantsItsRequestWhole() throws {
        let request = Fixtures.request()
        let grant = try PolicySet(rules: [Fixtures.rule()]).grant(request, now: 1_795_000_000)
        let (id, target, scopes, lifetime) = (grant.ruleID, grant.target, grant.scopes, grant.lifetime)
        let (invocation, decidedAt) = (grant.invocation, grant.decidedAt)
        #expect(id == "crm-update")
        #expect(target == "salesforce")
        #expect(scopes == ["api"])
        #expect(lifetime == Rule.Lifetime(default: 30, max: 60))
        #expect(invocation == request.invocation)
        #expect(decidedAt == 1_795_000_000)
    }

    @Test func aPolicyWithoutRulesGrantsNothing() throws {
        #expect(Fixtures.decide(try PolicySet(rules: []), Fixtures.request()) == .refused(.noMatchingRule))
    }

    @Test(
        "a member that a rule names must match",
        arguments: [
            Change("gateway") { $0.gateway = "spiffe://acme.example/gateway/mcp2" },
            Change("gateway in other case") { $0.gateway = "spiffe://acme.example/gateway/MCP" },
            Change("prefix of a gateway") { $0.gateway = "spiffe://acme.example/gateway" },
            Change("user of another issuer") { $0.user?.issuer = "partners" },
            Change("user without the group") { $0.user?.groups = ["staff"] },
            Change("agent of another issuer") { $0.agent?.issuer = "corp" },
            Change("another agent") { $0.agent?.subject = "sales-assistant2" },
            Change("another target") { $0.target = "demo-api" },
            Change("another tool") { $0.invocation?.tool = "crm.update_opportunities" },
            Change("another action") { $0.invocation?.actions = ["delete"] },
            Change("one action too many") { $0.invocation?.actions = ["update", "delete"] },
            Change("another location") {
                $0.invocation?.locations = ["https://acme.my.salesforce.com/services/data/v60.0/sobjects/Account/1"]
            },
            Change("one location too many") {
                $0.invocation?.locations.append("https://acme.my.salesforce.com/services/data/v60.0/limits")
            },
            Change("another identifier") { $0.invocation?.identifier = "0065g00000Abc" },
        ])
    func mustMatch(change: Change) throws {
        let policy = try PolicySet(rules: [Fixtures.rule()])
        #expect(Fixtures.decide(policy, Fixtures.request(change.apply)) == .refused(.noMatchingRule))
    }

    @Test(
        "a member that a rule names must be present",
        arguments: [
            Change("no groups claim") { $0.user?.groups = nil },
            Change("no groups") { $0.user?.groups = [] },
            Change("no agent") { $0.agent = nil },
            Change("no details") { $0.invocation = nil },
            Change("no actions") { $0.invocation?.actions = [] },
            Change("no locations") { $0.invocation?.locations = [] },
            Change("no identifier for the pattern") { $0.invocation?.identifier = nil },
        ])
    func mustBePresent(change: Change) throws {
        let policy = try PolicySet(rules: [Fixtures.rule()])
        #expect(Fixtures.decide(policy, Fixtures.request(change.apply)) == .refused(.noMatchingRule))
    }

    @Test func aMemberThatARuleDoesNotNameSaysNothing() throws {
        let rule = Fixtures.rule {
            $0.conditions.agents = nil
            $0.conditions.actions = nil
            $0.conditions.locations = nil
            $0.conditions.users?.anyGroup = nil
        }
        let policy = try PolicySet(rules: [rule])
        let request = Fixtures.request {
            $0.agent = .init(issuer: "others", subject: "any")
            $0.user?.groups = nil
            $0.invocation?.actions = ["anything"]
            $0.invocation?.locations = ["https://elsewhere.example/"]
        }
        #expect(Fixtures.decide(policy, request) == .granted("crm-update"))
    }

    @Test func subjectsAndGroupsMustBothMatchWhereARuleNamesBoth() throws {
        let policy = try PolicySet(rules: [Fixtures.rule { $0.conditions.users?.subjects = ["alice"] }])
        #expect(Fixtures.decide(policy, Fixtures.request()) == .granted("crm-update"))
        let other = Fixtures.request { $0.user?.subject = "bob" }
        #expect(Fixtures.decide(policy, other) == .refused(.noMatchingRule))
        let groupless = Fixtures.request { $0.user?.groups = ["staff"] }
        #expect(Fixtures.decide(policy, groupless) == .refused(.noMatchingRule))
    }

    @Test func identifiersMatchExactly() throws {
        let policy = try PolicySet(rules: [Fixtures.rule { $0.conditions.identifiers = ["0065g00000Xyz"] }])
        #expect(Fixtures.decide(policy, Fixtures.request()) == .granted("crm-update"))
        let other = try PolicySet(rules: [Fixtures.rule { $0.conditions.identifiers = ["0065g00000XyzA"] }])
        #expect(Fixtures.decide(other, Fixtures.request()) == .refused(.noMatchingRule))
    }

    @Test func aRuleWithoutToolsMatchesOnlyRequestsWithoutDetails() throws {
        let policy = try PolicySet(rules: [Fixtures.scopeRule()])
        let withDetails = Fixtures.request { $0.scopes = ["read"] }
        #expect(Fixtures.decide(policy, withDetails) == .refused(.noMatchingRule))
        let bare = Fixtures.request {
            $0.scopes = ["read"]
            $0.invocation = nil
        }
        #expect(Fixtures.decide(policy, bare) == .granted("crm-read"))
    }

    @Test func missingScopeMeansTheScopesOfTheRule() throws {
        let policy = try PolicySet(rules: [Fixtures.scopeRule()])
        let request = Fixtures.request {
            $0.scopes = nil
            $0.invocation = nil
        }
        let grant = try policy.grant(request, now: 0)
        let scopes = grant.scopes
        #expect(scopes == ["read", "list"])
    }

    @Test func lessScopeThanTheRuleAllowsIsGrantedAsAskedAndWithoutRepetition() throws {
        let policy = try PolicySet(rules: [Fixtures.scopeRule()])
        let request = Fixtures.request {
            $0.scopes = ["list", "list"]
            $0.invocation = nil
        }
        let grant = try policy.grant(request, now: 0)
        let scopes = grant.scopes
        #expect(scopes == ["list"])
    }

    @Test func excessScopeIsRefusedAndNamed() throws {
        let policy = try PolicySet(rules: [Fixtures.scopeRule()])
        let request = Fixtures.request {
            $0.scopes = ["read", "write", "Read"]
            $0.invocation = nil
        }
        let denial = try #require(throws: Denial.self) { _ = try policy.grant(request, now: 0) }
        #expect(denial.code == .excessScope)
        #expect(denial.excess == ["write", "Read"])
        #expect(denial.ruleID == "crm-read")
    }

    @Test func oneRuleAloneMustGrantEverythingAsked() throws {
        let read = Fixtures.scopeRule { $0.scopes = ["read"] }
        let write = Fixtures.scopeRule {
            $0.id = "crm-write"
            $0.scopes = ["write"]
        }
        let request = Fixtures.request {
            $0.scopes = ["read", "write"]
            $0.invocation = nil
        }
        #expect(Fixtures.decide(try PolicySet(rules: [read, write]), request) == .refused(.excessScope))
        let both = Fixtures.scopeRule {
            $0.id = "crm-both"
            $0.scopes = ["read", "write"]
        }
        #expect(Fixtures.decide(try PolicySet(rules: [read, write, both]), request) == .granted("crm-both"))
    }

    @Test func twoRulesDoNotAddUpTheirActions() throws {
        let update = Fixtures.rule()
        let delete = Fixtures.rule {
            $0.id = "crm-delete"
            $0.conditions.actions = ["delete"]
        }
        let request = Fixtures.request { $0.invocation?.actions = ["update", "delete"] }
        #expect(Fixtures.decide(try PolicySet(rules: [update, delete]), request) == .refused(.noMatchingRule))
    }

    @Test func theFirstMatchingRuleInFileOrderSuppliesTheLifetime() throws {
        let first = Fixtures.scopeRule { $0.lifetime = .init(default: 5, max: 7) }
        let second = Fixtures.scopeRule {
            $0.id = "second"
            $0.lifetime = .init(default: 500, max: 700)
        }
        let request = Fixtures.request {
            $0.scopes = ["read"]
            $0.invocation = nil
        }
        let one = try PolicySet(rules: [first, second]).grant(request, now: 0).lifetime
        #expect(one == Rule.Lifetime(default: 5, max: 7))
        let other = try PolicySet(rules: [second, first]).grant(request, now: 0).lifetime
        #expect(other == Rule.Lifetime(default: 500, max: 700))
    }

    @Test(
        "each requirement must have been proven",
        arguments: [
            (Change("no binding") { $0.facts = [.dpop] }, Requirement.actorBound),
            (Change("no proof") { $0.facts = [.actorBound] }, .dpop),
            (Change("no hash") { $0.invocation?.argumentsSHA256 = nil }, .argumentsSHA256),
            (
                Change("a hash claimed as a fact alone") {
                    $0.invocation?.argumentsSHA256 = nil
                    $0.facts.insert(.argumentsSHA256)
                }, .argumentsSHA256
            ),
        ])
    func requirements(change: Change, missing: Requirement) throws {
        let policy = try PolicySet(rules: [Fixtures.rule()])
        let denial = try #require(throws: Denial.self) {
            _ = try policy.grant(Fixtures.request(change.apply), now: 0)
        }
        #expect(denial.code == .requirementMissing)
        #expect(denial.missing == [missing])
    }
}
