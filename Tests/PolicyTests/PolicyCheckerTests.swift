import Testing

@testable import Policy

@Suite struct PolicyCheckerTests {
    private static let long = String(repeating: "a", count: 513)

    struct Fault: Sendable, CustomTestStringConvertible {
        let path: String
        let message: String
        let apply: @Sendable (inout Rule) -> Void

        init(_ path: String, _ message: String, _ apply: @escaping @Sendable (inout Rule) -> Void) {
            self.path = path
            self.message = message
            self.apply = apply
        }

        var testDescription: String { "\(path) \(message)" }
    }

    private static let inexact = "has characters that cannot be compared exactly"
    private static let star = "has a '*', but names match exactly"
    private static let never = "can never match: a rule without tools is for requests without details"

    static let faults: [Fault] = [
        Fault("id", "is no id") { $0.id = "CRM" },
        Fault("id", "is no id") { $0.id = "" },
        Fault("id", "is no id") { $0.id = "a b" },
        Fault("gateways", "is missing") { $0.conditions.gateways = nil },
        Fault("users", "is missing") { $0.conditions.users = nil },
        Fault("target", "is missing") { $0.conditions.target = nil },
        Fault("gateways", "is empty") { $0.conditions.gateways = [] },
        Fault("gateways[0]", star) { $0.conditions.gateways = ["spiffe://acme.example/*"] },
        Fault("gateways[1]", "stands twice") { $0.conditions.gateways = ["a", "a"] },
        Fault("users.issuer", inexact) { $0.conditions.users?.issuer = "" },
        Fault("users.issuer", star) { $0.conditions.users?.issuer = "*" },
        Fault("users.subjects", "is empty") { $0.conditions.users?.subjects = [] },
        Fault("users.subjects[0]", inexact) { $0.conditions.users?.subjects = ["\u{212A}arl"] },
        Fault("users.any_group", "is empty") { $0.conditions.users?.anyGroup = [] },
        Fault("users.any_group[0]", inexact) { $0.conditions.users?.anyGroup = [" sales"] },
        Fault("users.any_group[0]", star) { $0.conditions.users?.anyGroup = ["*"] },
        Fault("agents.issuer", inexact) { $0.conditions.agents?.issuer = "a b" },
        Fault("agents.subjects", "is empty") { $0.conditions.agents?.subjects = [] },
        Fault("agents.subjects[0]", inexact) { $0.conditions.agents?.subjects = [long] },
        Fault("target", inexact) { $0.conditions.target = "" },
        Fault("tools", "is empty") { $0.conditions.tools = [] },
        Fault("tools[0]", star) { $0.conditions.tools = ["crm.*"] },
        Fault("actions", "is empty") { $0.conditions.actions = [] },
        Fault("actions[0]", star) { $0.conditions.actions = ["*"] },
        Fault("locations", "is empty") { $0.conditions.locations = [] },
        Fault("locations[0]", "has '**'") { $0.conditions.locations = ["https://a.example/**"] },
        Fault("locations[1]", "stands twice") { $0.conditions.locations = ["a", "a"] },
        Fault("identifiers", "is empty") { $0.conditions.identifiers = [] },
        Fault("identifiers[0]", star) { $0.conditions.identifiers = ["006*"] },
        Fault("scopes", "is empty") { $0.scopes = [] },
        Fault("scopes[0]", inexact) { $0.scopes = ["a\\b"] },
        Fault("scopes", "has more than 256 entries") { $0.scopes = (0..<257).map { "scope-\($0)" } },
        Fault("lifetime.default", "must be at least 1 s") { $0.lifetime.default = 0 },
        Fault("lifetime.default", "is longer than max") { $0.lifetime = .init(default: 61, max: 60) },
        Fault("lifetime.max", "must be from 1 s to 24 h") { $0.lifetime = .init(default: 1, max: 86_401) },
        Fault("require[1]", "stands twice") { $0.requirements = [.dpop, .dpop] },
    ]

    @Test("a fault is named with its place", arguments: faults)
    func fault(fault: Fault) throws {
        let error = try #require(throws: PolicyError.self) {
            try PolicySet(
                rules: [Fixtures.rule(), Fixtures.rule { $0.id = "b" }].map { rule in
                    var rule = rule
                    if rule.id == "b" { fault.apply(&rule) }
                    return rule
                })
        }
        #expect(error.faults.map { "\($0.path) \($0.message)" } == ["rules[1].\(fault.path) \(fault.message)"])
        #expect(error.faults.allSatisfy { !$0.mend.isEmpty })
    }

    @Test func detailsInARuleWithoutToolsAreFaults() throws {
        let rule = Fixtures.rule {
            $0.conditions.tools = nil
            $0.conditions.identifiers = ["x"]
        }
        let error = try #require(throws: PolicyError.self) { try PolicySet(rules: [rule]) }
        let places = ["actions", "locations", "identifiers", "require"]
        #expect(error.faults.map(\.path) == places.map { "rules[0].\($0)" })
        #expect(error.faults.allSatisfy { $0.message == PolicyCheckerTests.never })
    }

    @Test func idsAreUniqueAmongRulesAndDenials() throws {
        let denial = DenialRule(id: "crm-update", conditions: Conditions(target: "salesforce"))
        let error = try #require(throws: PolicyError.self) {
            try PolicySet(rules: [Fixtures.rule(), Fixtures.rule()], denials: [denial])
        }
        #expect(error.faults.map(\.path) == ["rules[1].id", "denials[0].id"])
    }

    @Test func aDenialOfEverythingIsAFault() throws {
        let error = try #require(throws: PolicyError.self) {
            try PolicySet(rules: [], denials: [DenialRule(id: "all", conditions: Conditions())])
        }
        #expect(error.faults.map(\.path) == ["denials[0]"])
    }

    @Test func allFaultsAreReportedAtOnce() throws {
        let rule = Fixtures.rule {
            $0.id = "!"
            $0.conditions.tools = []
            $0.scopes = [""]
            $0.lifetime = .init(default: 0, max: 0)
        }
        let denial = DenialRule(id: "?", conditions: Conditions(tools: ["*"], locations: ["{"]), scopes: [])
        let error = try #require(throws: PolicyError.self) { try PolicySet(rules: [rule], denials: [denial]) }
        #expect(
            error.faults.map(\.path) == [
                "rules[0].id", "rules[0].scopes[0]", "rules[0].lifetime.max", "rules[0].lifetime.default",
                "rules[0].tools", "denials[0].id", "denials[0].scopes", "denials[0].tools[0]",
                "denials[0].locations[0]",
            ])
        #expect(error.description.split(separator: "\n").count == error.faults.count)
    }
}
