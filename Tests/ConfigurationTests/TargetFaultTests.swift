import Testing

@testable import VaultAppliance

/// Faults of targets of each kind, of the ways to prove an agent, and of the keys that sign for them.
@Suite struct TargetFaultTests {
    private static let target = #"{name: billing, kind: jwt, audience: billing-aud, key: sign-es256, scopes: [bill]}"#

    static let targets: [(String, String, String)] = [
        ("kind: id_jag, audience: a, key: all", "client_id", "is missing"),
        ("kind: jwt, audience: a, key: all, client_id: c", "client_id", "belongs to targets of kind id_jag alone"),
        ("kind: oidc, audience: a, key: all", "subject", "is missing"),
        (#"kind: jwt, audience: a, key: all, subject: "{user}""#, "subject", "belongs to targets of kind oidc alone"),
        (
            #"kind: oidc, audience: a, key: all, subject: "{user}{agent}""#, "subject",
            "must be visible ASCII with places that do not touch"
        ),
        (
            #"kind: oidc, audience: a, key: all, subject: "{group}""#, "subject",
            "must be visible ASCII with places that do not touch"
        ),
        (
            #"kind: oidc, audience: a, key: all, subject: "{user}", scopes: [x]"#, "scopes",
            "means nothing to a federation"
        ),
        ("kind: txn_token, audience: a, key: all", "scopes", "is missing"),
        (
            "kind: txn_token, audience: a, key: sign-es256, scopes: [x]", "key",
            "names a key that may not sign txntoken+jwt"
        ),
        (
            #"kind: oidc, audience: a, key: all, subject: "{user}", session_tags: [{key: "a b", value: "{user}"}]"#,
            "session_tags[0].key", "must be a session tag's name"
        ),
        (
            #"kind: oidc, audience: a, key: all, subject: "{user}", session_tags: [{key: T, value: "{user}", transitive: "yes"}]"#,
            "session_tags[0].transitive", "must be true or false, is text"
        ),
        (
            #"kind: oidc, audience: a, key: all, subject: "{user}", session_tags: [{key: T, value: "{user}"}, {key: T, value: x}]"#,
            "session_tags[1].key", "stands twice"
        ),
    ]

    private func faults(_ change: (String) -> String) throws -> [String] {
        let types =
            #"{label: all, purpose: signing, alg: ES256, types: ["at+jwt", "txntoken+jwt", "oauth-id-jag+jwt", "JWT"], max_lifetime: 5m}"#
        let config = ConfigurationFixture.config.replacing(
            "  - {label: checkpoint", with: "  - \(types)\n  - {label: checkpoint")
        return try ConfigurationFixture(config: change(config)).faults().map { "\($0.field): \($0.message)" }
    }

    @Test("a fault of a target is reported alone", arguments: targets.indices)
    func target(index: Int) throws {
        let (text, field, message) = Self.targets[index]
        let found = try faults { $0.replacing(Self.target, with: "{name: billing, \(text)}") }
        #expect(found == ["targets[1].\(field): \(message)"])
    }

    @Test(
        "a target of each kind is accepted",
        arguments: [
            "kind: id_jag, audience: a, key: all, client_id: c", "kind: txn_token, audience: a, key: all, scopes: [x]",
            #"kind: oidc, audience: a, key: all, subject: "acme:{user}", session_tags: [{key: T, value: "{tool}"}]"#,
        ])
    func accepted(text: String) throws {
        #expect(try faults { $0.replacing(Self.target, with: "{name: billing, \(text)}") } == [])
    }

    @Test func aTypeThatIsNotSignedHereIsAFault() throws {
        let found = try faults { $0.replacing(#"types: ["JWT"]"#, with: #"types: ["logout+jwt"]"#) }
        #expect(found == ["keys[1].types[0]: is no type of token that is signed here"])
    }

    @Test(
        "a prefix that could make a user's subject one of a client's is a fault",
        arguments: ["client:", "c", "client:x"])
    func clientPrefix(prefix: String) throws {
        let found = try faults { $0.replacing("\"corp:\"", with: "\"\(prefix)\"") }
        #expect(found == ["issuers[0].subject_prefix: could make a user's subject one of a client's"])
    }

    @Test func aPartnersAgentCannotBeProvenByAnActorToken() throws {
        let found = try faults { $0.replacing("roles: [subject]", with: "roles: [partner]") }
        #expect(found.first == "issuers[0].agent: cannot be actor_token: an assertion comes without one")
    }

    @Test func agentsOfATrustDomainAreKnownWhereCallersAreAgents() throws {
        func faults(_ proof: String) throws -> [String] {
            let config = ConfigurationFixture.config.replacing("agent: actor_token", with: "agent: \(proof)")
            let policy = ConfigurationFixture.policy.replacing(
                "{issuer: agents, subjects: [sales-assistant]}",
                with: #"{issuer: "spiffe://acme.example", subjects: ["spiffe://acme.example/agent/sales"]}"#)
            return try ConfigurationFixture(config: config, policy: policy).faults().map(\.field)
        }
        #expect(try faults("caller_spiffe") == [])
        #expect(try faults("actor_token") == ["rules[0].agents.issuer"])
    }

    @Test func usersNoneIsForARuleWithoutAUser() throws {
        func rule(_ users: String) throws -> [String] {
            let policy = ConfigurationFixture.policy.replacing("{issuer: corp, subjects: [alice]}", with: users)
            return try ConfigurationFixture(policy: policy).faults().map { "\($0.field): \($0.message)" }
        }
        #expect(try rule("none") == [])
        #expect(try rule("nobody") == ["rules[1].users: must be a mapping, is text"])
        #expect(try rule("\"none\"") == ["rules[1].users: must be a mapping, is text"])
    }
}
