import Minting
import Testing

@Suite struct ClaimTemplateTests {
    private static let values: ClaimTemplate.Values = [
        .user: "corp:alice", .agent: "bot", .agentIssuer: "agents", .client: "gw",
    ]

    @Test(
        "a template is filled literally",
        arguments: [
            ("{user}", "corp:alice"), ("acme:{user}", "acme:corp:alice"), ("{user}/{agent}", "corp:alice/bot"),
            ("{user}/{agent}@{client}", "corp:alice/bot@gw"), ("fixed", "fixed"), ("[{agent}]", "[bot]"),
            ("{agent_issuer}|{agent}", "agents|bot"),
        ])
    func expansion(text: String, expected: String) throws {
        #expect(try ClaimTemplate(text).expanded(Self.values) == expected)
    }

    @Test(
        "what is no template is refused",
        arguments: [
            ("", .notAName), ("a b", .notAName), ("\u{e9}", .notAName), (String(repeating: "a", count: 256), .notAName),
            ("{user", .badPlace), ("user}", .badPlace), ("{User}", .badPlace), ("{agentIssuer}", .badPlace),
            ("{}", .badPlace),
            ("{{user}}", .badPlace),
            ("{user}{agent}", .placesTouch), ("a{user}{agent}b", .placesTouch),
        ] as [(String, ClaimTemplate.Failure)])
    func faults(text: String, failure: ClaimTemplate.Failure) {
        #expect(throws: failure) { try ClaimTemplate(text) }
    }

    @Test func twoSetsOfValuesNeverMakeOneText() throws {
        let template = try ClaimTemplate("{user}--{agent}")
        #expect(template.expanded([.user: "a-", .agent: "b"]) == nil)
        #expect(template.expanded([.user: "a", .agent: "-b"]) == nil)
        #expect(template.expanded([.user: "a", .agent: "b"]) == "a--b")
        // Text before the first place and after the last separates nothing.
        #expect(try ClaimTemplate("x:{user}:y").expanded([.user: "x:y"]) == "x:x:y:y")
    }

    @Test func aPlaceWithoutAValueCannotBeFilled() throws {
        #expect(try ClaimTemplate("{tool}").expanded(Self.values) == nil)
        #expect(try ClaimTemplate("{user}").expanded([.user: ""]) == nil)
    }

    @Test func aTextThatGrowsTooLongIsNone() throws {
        #expect(try ClaimTemplate("{user}").expanded([.user: String(repeating: "a", count: 256)]) == nil)
    }

    @Test(
        "a session tag has a value that AWS takes, or none",
        arguments: [("alice", true), ("a b", false), ("a&b", false), ("alice@acme.example", true)])
    func tags(value: String, isAccepted: Bool) throws {
        let tag = SessionTag(key: "User", value: try ClaimTemplate("{user}"), isTransitive: false)
        #expect((tag.expanded([.user: value]) != nil) == isAccepted)
    }
}
