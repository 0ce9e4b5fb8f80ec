import Testing

@testable import VaultAppliance

/// Templates that name an agent: two agents must never make one text for a federation.
@Suite struct FederationNameTests {
    private static let target = #"{name: billing, kind: jwt, audience: billing-aud, key: sign-es256, scopes: [bill]}"#
    private static let users = "gateways: [gateway-mcp], users: {issuer: corp}, target: cloud"
    private static let agents = "agents: {issuer: agents, subjects: [a]}"
    private static let robots = "agents: {issuer: robots, subjects: [a]}"
    private static let alone = "lets agents of several issuers reach cloud, whose subject names the agent alone"

    /// The faults of a configuration with this federation, these rules for it, and two issuers of agents unless one is
    /// left out.
    private func faults(
        _ template: String, tags: String = "", _ rules: [String], hasRobots: Bool = true, proof: String = "actor_token"
    ) throws -> [String] {
        let robots =
            #"  - {name: robots, issuer: "https://robots.example", roles: [actor], audiences: [v], algorithms: [ES256], jwks_file: idp-jwks.json}"#
        let cloud = #"{name: cloud, kind: oidc, audience: c, key: other, subject: "\#(template)"\#(tags)}"#
        var config = ConfigurationFixture.config.replacing(Self.target, with: "\(Self.target)\n  - \(cloud)")
            .replacing("agent: actor_token", with: "agent: \(proof)")
        if hasRobots { config = config.replacing("targets:\n", with: "\(robots)\ntargets:\n") }
        let lines = rules.enumerated().map { "  - {id: cloud-\($0.offset), \($0.element)}" }.joined(separator: "\n")
        let policy = ConfigurationFixture.policy.replacing("denials:", with: "\(lines)\ndenials:")
        return try ConfigurationFixture(config: config, policy: policy).faults().map { "\($0.field): \($0.message)" }
    }

    @Test("agents of one issuer may be named alone", arguments: ["{agent}", "{user}/{agent}"])
    func oneIssuer(template: String) throws {
        let rules = ["\(Self.users), \(Self.agents)", "\(Self.users), \(Self.agents), tools: [t]"]
        #expect(try faults(template, rules) == [])
        // A rule without agents is for those of the one issuer that there is.
        #expect(try faults(template, [rules[0], Self.users], hasRobots: false) == [])
    }

    @Test("agents of two issuers may not", arguments: ["{agent}", "{user}/{agent}"])
    func twoIssuers(template: String) throws {
        let rules = ["\(Self.users), \(Self.agents)", "\(Self.users), \(Self.robots)"]
        #expect(try faults(template, rules) == ["rules[3].agents.issuer: \(Self.alone)"])
        #expect(try faults(template, [rules[0], Self.users]) == ["rules[3].target: \(Self.alone)"])
        #expect(try faults(template, [Self.users]) == ["rules[2].target: \(Self.alone)"])
    }

    @Test(
        "nor is there a doubt where the issuer is named too, or no agent is",
        arguments: ["{agent_issuer}|{agent}", "{user}", "{agent}@{agent_issuer}"])
    func named(template: String) throws {
        let rules = ["\(Self.users), \(Self.agents)", "\(Self.users), \(Self.robots)", Self.users]
        #expect(try faults(template, rules) == [])
    }

    @Test func aSessionTagIsReadByItself() throws {
        let rules = ["\(Self.users), \(Self.agents)", "\(Self.users), \(Self.robots)"]
        let tags = #", session_tags: [{key: Agent, value: "{agent}"}, {key: Issuer, value: "{agent_issuer}"}]"#
        let message = "lets agents of several issuers reach cloud, whose session tag Agent names the agent alone"
        #expect(try faults("{user}", tags: tags, rules) == ["rules[3].agents.issuer: \(message)"])
        let sound = #", session_tags: [{key: Agent, value: "{agent_issuer}:{agent}"}]"#
        #expect(try faults("{user}", tags: sound, rules) == [])
    }

    @Test func requestsWithoutAUserHaveNoAgent() throws {
        let own = "gateways: [gateway-mcp], users: none, target: cloud"
        #expect(try faults("{agent}", ["\(Self.users), \(Self.agents)", own]) == [])
    }

    @Test func callersOfAllTrustDomainsAreOfOneKind() throws {
        let callers = #"agents: {issuer: "spiffe://acme.example", subjects: ["spiffe://acme.example/a"]}"#
        #expect(try faults("{agent}", ["\(Self.users), \(callers)"], proof: "caller_spiffe") == [])
        #expect(
            try faults(
                "{agent}", ["\(Self.users), \(callers)", "\(Self.users), \(Self.agents)"], proof: "caller_spiffe")
                == ["rules[3].agents.issuer: \(Self.alone)"])
        #expect(
            try faults("{agent}", [Self.users], hasRobots: false, proof: "caller_spiffe")
                == ["rules[2].target: \(Self.alone)"])
    }
}
