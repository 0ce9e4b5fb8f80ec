import Testing

@testable import Policy

@Suite struct MalformedRequestTests {
    @Test(
        "a value that cannot be compared exactly is refused",
        arguments: [
            (Change("gateway that is canonically equivalent") { $0.gateway = "\u{212A}" }, RuleMember.gateways),
            (Change("empty gateway") { $0.gateway = "" }, .gateways),
            (Change("target with a line feed") { $0.target = "salesforce\n" }, .target),
            (Change("issuer with a space") { $0.user?.issuer = "corp " }, .usersIssuer),
            (Change("subject in other letters") { $0.user?.subject = "\u{0430}lice" }, .usersSubjects),
            (Change("subject with NUL") { $0.user?.subject = "alice\u{0}" }, .usersSubjects),
            (
                Change("subject without an end") { $0.user?.subject = String(repeating: "a", count: 513) },
                .usersSubjects
            ),
            (Change("group in other letters") { $0.user?.groups = ["sales", "s\u{0430}les"] }, .usersAnyGroup),
            (Change("group with a space at its end") { $0.user?.groups = ["sales "] }, .usersAnyGroup),
            (Change("agent's issuer") { $0.agent?.issuer = "" }, .agentsIssuer),
            (Change("agent's subject") { $0.agent?.subject = "sales assistant" }, .agentsSubjects),
            (Change("tool") { $0.invocation?.tool = "" }, .tools),
            (Change("action") { $0.invocation?.actions = ["update", ""] }, .actions),
            (Change("location") { $0.invocation?.locations = [Fixtures.opportunity + "/../x"] }, .locations),
            (Change("identifier") { $0.invocation?.identifier = "" }, .identifiers),
            (Change("scope") { $0.scopes = ["api\"x"] }, .scopes),
            (Change("no scope at all in the list") { $0.scopes = [] }, .scopes),
        ])
    func malformed(change: Change, member: RuleMember) throws {
        let policy = try PolicySet(rules: [Fixtures.rule { $0.conditions.locations = nil }])
        let denial = try #require(throws: Denial.self) {
            _ = try policy.grant(Fixtures.request(change.apply), now: 0)
        }
        #expect(denial.code == .malformedRequest)
        #expect(denial.member == member)
    }

    @Test func groupsMayHaveSpacesInside() throws {
        let policy = try PolicySet(rules: [Fixtures.rule { $0.conditions.users?.anyGroup = ["Domain Users"] }])
        let request = Fixtures.request { $0.user?.groups = ["Domain Users"] }
        #expect(Fixtures.decide(policy, request) == .granted("crm-update"))
    }

    @Test func aRefusalTellsTheLogNoValueOfTheRequest() throws {
        let policy = try PolicySet(rules: [Fixtures.rule()])
        let secret = "canary-7f3a"
        let changes: [(inout AccessRequest) -> Void] = [
            { $0.gateway = secret }, { $0.user?.subject = secret + "\n" }, { $0.user?.groups = [secret] },
            { $0.agent?.subject = secret }, { $0.target = secret }, { $0.invocation?.tool = secret },
            { $0.invocation?.actions = [secret] }, { $0.invocation?.locations = [secret] }, { $0.scopes = [secret] },
        ]
        for change in changes {
            let denial = try #require(throws: Denial.self) {
                _ = try policy.grant(Fixtures.request(change), now: 0)
            }
            #expect(!denial.reason.contains(secret))
        }
    }
}
