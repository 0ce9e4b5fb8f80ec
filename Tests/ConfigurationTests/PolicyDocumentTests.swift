import Foundation
import Policy
import Testing

@testable import VaultAppliance

@Suite struct PolicyDocumentTests {
    @Test func everyMemberArrivesWhereItBelongsAndGatewaysBecomeClientIDs() throws {
        let fixture = try ConfigurationFixture()
        let configuration = try Configuration.load(file: fixture.configFile)
        let document = try PolicyDocument.load(file: fixture.policyFile, configuration: configuration)
        #expect(document.bytes == Array(ConfigurationFixture.policy.utf8))
        #expect(
            document.policy.rules == [
                Rule(
                    id: "read",
                    conditions: Conditions(
                        gateways: ["gateway-mcp"], agents: .init(issuer: "agents", subjects: ["sales-assistant"]),
                        users: .init(issuer: "corp", anyGroup: ["sales"]), target: "demo-api",
                        tools: ["crm.read_account"], actions: ["read"],
                        locations: ["https://demo-api.acme.example/*/{identifier}"], identifiers: ["7", "8"]),
                    scopes: ["accounts:read"], lifetime: .init(default: 30, max: 60),
                    requirements: [.actorBound, .argumentsSHA256]),
                Rule(
                    id: "plain",
                    conditions: Conditions(
                        gateways: ["gateway-dns", "gateway-dn"], users: .init(issuer: "corp", subjects: ["alice"]),
                        target: "demo-api"),
                    scopes: ["accounts:read"], lifetime: .standard),
            ])
        #expect(
            document.policy.denials == [
                DenialRule(
                    id: "no-deletes",
                    conditions: Conditions(target: "demo-api", tools: ["crm.delete"], actions: ["delete"]),
                    scopes: ["opportunities:write"])
            ])
    }

    static let faults: [FaultCase] = [
        .init("version: 1\n", "version: 9 # HERE\n", "version", "must be 1...1, is 9"),
        .init("rules:\n", "rulez: [] # HERE\nrules:\n", "rulez", "is not a known field"),
        .init("id: read\n", "id: READ # HERE\n", "rules[0].id", "is no id"),
        .init("id: read\n", "id: plain\n", "rules[1].id", "stands twice"),
        .init("  - id: plain\n    gateways", "  - gateways", "rules[1].id", "is missing"),
        .init("{id: no-deletes,", "{id: read, # HERE\n    ", "denials[0].id", "stands twice"),
        .init("[gateway-dns, gateway-dn]", "[gateway-dns, gateway] # HERE", "rules[1].gateways[1]", "names no client"),
        .init(
            "[gateway-dns, gateway-dn]", "[gateway-dns, gateway.acme.example] # HERE", "rules[1].gateways[1]",
            "stands twice"),
        .init("[gateway-dns, gateway-dn]", "gateway-dns # HERE", "rules[1].gateways", "must be a list, is text"),
        .init(
            "{issuer: agents, subjects: [sales-assistant]}", "{issuer: corp, subjects: [a]} # HERE",
            "rules[0].agents.issuer", "names nobody who proves agents"),
        .init(
            "{issuer: agents, subjects: [sales-assistant]}", "{issuer: agents} # HERE", "rules[0].agents.subjects",
            "is missing"),
        .init(
            "{issuer: agents, subjects: [sales-assistant]}", "agents # HERE", "rules[0].agents",
            "must be a mapping, is text"),
        .init(
            "{issuer: corp, subjects: [alice]}", "{issuer: agents} # HERE", "rules[1].users.issuer",
            "names no issuer of users"),
        .init(
            "{issuer: corp, subjects: [alice]}", "{issuer: corp, subjects: [\"*\"]} # HERE",
            "rules[1].users.subjects[0]", "has a '*', but names match exactly"),
        .init(
            "{issuer: corp, subjects: [alice]}", "{issuer: corp, group: [a]} # HERE", "rules[1].users.group",
            "is not a known field"),
        .init("    users: {issuer: corp, subjects: [alice]}\n", "", "rules[1].users", "is missing"),
        .init(
            "    target: demo-api\n    tools", "    target: demo # HERE\n    tools", "rules[0].target",
            "names no target"),
        .init("actions: [read]", "actions: [] # HERE", "rules[0].actions", "is empty"),
        .init("actions: [read]", "actions: [7] # HERE", "rules[0].actions[0]", "must be text, is a number"),
        .init(
            "https://demo-api.acme.example/*/{identifier}", "https://demo-api.acme.example/**", "rules[0].locations[0]",
            "has '**'"),
        .init(
            "identifiers: [\"7\", \"8\"]", "identifiers: [\"7\", \"7\"] # HERE", "rules[0].identifiers[1]",
            "stands twice"),
        .init(
            "    scopes: [\"accounts:read\"]\n    lifetime", "    scopes: [bill] # HERE\n    lifetime",
            "rules[0].scopes[0]", "is no scope of the target"),
        .init(
            "scopes: [\"opportunities:write\"]", "scopes: [nothing] # HERE\n    ", "denials[0].scopes[0]",
            "is no scope of the target"),
        .init("default: 30s", "default: 61s # HERE", "rules[0].lifetime.default", "is longer than max"),
        .init("default: 30s", "default: 30 # HERE", "rules[0].lifetime.default", "must be a duration"),
        .init("      max: 1m\n", "", "rules[0].lifetime.max", "is missing"),
        .init("max: 1m", "max: 48h # HERE", "rules[0].lifetime.max", "must be 1s to 24h, is 48h"),
        .init(
            "[actor_bound, arguments_sha256]", "[actor_bound, mfa] # HERE", "rules[0].require[1]",
            "must be one of actor_bound, dpop, arguments_sha256"),
        .init("[actor_bound, arguments_sha256]", "[dpop, dpop] # HERE", "rules[0].require[1]", "stands twice"),
        .init(
            "    users: {issuer: corp, subjects: [alice]}\n",
            "    users: {issuer: corp}\n    require: [arguments_sha256] # HERE\n", "rules[1].require",
            "can never match: a rule without tools is for requests without details"),
        .init(
            "{id: no-deletes, target: demo-api, tools: [crm.delete], actions: [delete], scopes: [\"opportunities:write\"]}",
            "{id: nothing} # HERE", "denials[0]", "denies every request"),
        .init(
            "{id: no-deletes, target: demo-api,", "{id: no-deletes, target: demo, # HERE\n    ", "denials[0].target",
            "names no target"),
        .init(
            "{id: no-deletes, target: demo-api,", "{id: no-deletes, gateways: [x], target: demo-api, # HERE\n    ",
            "denials[0].gateways[0]", "names no client"),
        .init("default: 30s", "default: &a 30s # HERE", "rules[0].lifetime.default", "has an anchor"),
    ]

    @Test("a fault of a policy is reported alone, with its field and line", arguments: faults)
    func fault(fault: FaultCase) throws {
        let policy = try fault.apply(to: ConfigurationFixture.policy)
        let fixture = try ConfigurationFixture(policy: policy)
        let found = fixture.faults()
        #expect(found.allSatisfy { $0.file == fixture.policyFile })
        let lines = ConfigurationFixture.lines(found)
        if policy.contains("HERE") {
            #expect(lines == [try fault.expected(in: policy)])
        } else {
            #expect(lines.count == 1)
            #expect(lines.first?.hasSuffix(": \(fault.field): \(fault.message)") == true, "\(lines)")
        }
    }

    @Test func groupsNeedAnIssuerWhoseGroupsAreRead() throws {
        let config = ConfigurationFixture.config.replacingOccurrences(of: "    claims: {groups: groups}\n", with: "")
        let faults = ConfigurationFixture.lines(try ConfigurationFixture(config: config).faults())
        #expect(
            faults == [
                "6: rules[0].users.any_group: needs groups, but this issuer's tokens are not read for any"
            ])
    }

    @Test func aPolicyWithoutRulesIsAPolicyThatGrantsNothing() throws {
        let bundle = try ConfigurationFixture(policy: "version: 1\nrules: []\n").bundle()
        #expect(bundle.policy.rules.isEmpty)
    }

    @Test func theLoadedPolicyDecides() throws {
        let bundle = try ConfigurationFixture().bundle()
        let request = AccessRequest(
            gateway: "gateway-mcp", user: .init(issuer: "corp", subject: "alice", groups: ["sales"]),
            agent: .init(issuer: "agents", subject: "sales-assistant"), target: "demo-api",
            invocation: ToolInvocation(
                tool: "crm.read_account", actions: ["read"], locations: ["https://demo-api.acme.example/accounts/7"],
                identifier: "7", argumentsSHA256: "x"),
            facts: [.actorBound])
        let grant = try bundle.policy.grant(request, now: 0)
        let (id, scopes) = (grant.ruleID, grant.scopes)
        #expect(id == "read")
        #expect(scopes == ["accounts:read"])
    }
}
