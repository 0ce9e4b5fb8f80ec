import Testing

@testable import VaultAppliance

/// Files of expected decisions: what passes, what does not, and what is no such file.
@Suite struct PolicyTestDocumentTests {
    private static let granted = """
        version: 1
        tests:
          - name: alice reads an account
            gateway: "spiffe://acme.example/gateway/mcp"
            user: {issuer: corp, subject: alice, groups: [sales]}
            agent: {issuer: agents, subject: sales-assistant}
            target: demo-api
            tool: crm.read_account
            actions: [read]
            locations: ["https://demo-api.acme.example/a/7"]
            identifier: "7"
            arguments_sha256: 47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU
            proven: [actor_bound]
            expect: {granted_by: read, scopes: ["accounts:read"], lifetime: 30s}

        """
    private static let refused = """
          - name: bob does not
            gateway: gateway-dns
            user: {issuer: corp, subject: bob}
            target: demo-api
            expect: {refused: denied_by_rule, refused_by: no-deletes}

        """

    private func results(_ text: String) throws -> [PolicyTestResult] {
        let fixture = try ConfigurationFixture()
        try fixture.write(text, to: "tests.yaml")
        let bundle = try fixture.bundle()
        let document = try PolicyTestDocument.load(
            file: fixture.directory + "/tests.yaml", configuration: bundle.configuration)
        return document.cases.map { PolicyTestResult($0, policy: bundle.policy, now: 1_800_000_000) }
    }

    @Test func decisionsThatAreExpectedPass() throws {
        let results = try results(Self.granted + Self.refused)
        #expect(results.map(\.passed) == [true, true])
        #expect(results[0].decision == "granted by read, scope [accounts:read], 30 s")
        #expect(results[1].decision == "refused: denied_by_rule by no-deletes")
    }

    @Test(
        "how long is asked for counts within what the rule allows",
        arguments: [("10s", "10 s"), ("30s", "30 s"), ("60s", "60 s"), ("2m", "60 s")])
    func asked(expiresIn: String, decision: String) throws {
        let text = Self.granted.replacing("expect:", with: "expires_in: \(expiresIn)\n    expect:")
            .replacing("lifetime: 30s", with: "lifetime: \(decision.replacing(" ", with: ""))")
        let results = try results(text)
        #expect(results.map(\.passed) == [true])
        #expect(results[0].decision == "granted by read, scope [accounts:read], \(decision)")
    }

    @Test(
        "an expectation that does not hold does not pass",
        arguments: [
            ("granted_by: read", "granted_by: plain"), ("lifetime: 30s", "lifetime: 31s"),
            (#"["accounts:read"], lifetime"#, #"["opportunities:write"], lifetime"#),
            (#"{granted_by: read, scopes: ["accounts:read"], lifetime: 30s}"#, "{refused: denied_by_rule}"),
            ("groups: [sales]", "groups: [support]"), ("proven: [actor_bound]", "proven: [dpop]"),
        ])
    func unexpected(old: String, new: String) throws {
        #expect(try results(Self.granted.replacing(old, with: new)).map(\.passed) == [false])
    }

    @Test func aTestWithoutAUserSaysSo() throws {
        let text = Self.refused.replacing("{issuer: corp, subject: bob}", with: "none")
        let results = try results("version: 1\ntests:\n" + text)
        #expect(results.map(\.decision) == ["refused: denied_by_rule by no-deletes"] && results[0].passed)
    }

    @Test(
        "a file that is none is refused with its faults",
        arguments: [
            ("version: 1\ntests: []\n", "tests: is empty"), ("version: 2\ntests: []\n", "version: must be 1...1, is 2"),
            (granted.replacing("name: alice reads an account\n    ", with: ""), "tests[0].name: is missing"),
            (
                granted.replacing("user: {issuer: corp, subject: alice, groups: [sales]}\n    ", with: ""),
                "tests[0].user: is missing"
            ),
            (
                granted.replacing("tool: crm.read_account\n    ", with: ""),
                "tests[0].actions: belongs to a tool call"
            ),
            (granted.replacing("granted_by: read, ", with: ""), "tests[0].expect.granted_by: is missing"),
            (
                granted.replacing("granted_by: read, ", with: "granted_by: read, refused: excess_scope, "),
                "tests[0].expect.refused: stands beside granted_by"
            ),
            (
                granted + granted.replacing("version: 1\ntests:\n", with: ""), "tests[1].name: stands twice"
            ),
            (granted.replacing("expect:", with: "expects:"), "tests[0].expect: is missing"),
            (
                granted.replacing("expect:", with: "expires_in: 0s\n    expect:"),
                "tests[0].expires_in: must be 1s to 24h, is 0s"
            ),
        ])
    func faults(text: String, fault: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try results(text) }
        #expect(
            error?.faults.map { "\($0.field): \($0.message)" }.contains(fault) == true, "\(String(describing: error))")
    }
}
