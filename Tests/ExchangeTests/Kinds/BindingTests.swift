import AuditLog
import Minting
import StrictEncoding
import Testing

@testable import VaultAppliance

/// Whether user and agent were bound to one another, and that handing a token on neither makes nor moves a bond.
@Suite(.serialized) struct BindingTests {
    private static let assistant: JSONValue = ["iss": .string(KindsFixture.agents), "sub": "sales-assistant"]
    private static let second: JSONValue = ["iss": .string(KindsFixture.agents), "sub": "second-assistant"]
    private static let crm = "spiffe://acme.example/server/crm"
    private static let desk = "spiffe://acme.example/server/desk"
    private static let agent = "spiffe://acme.example/agent/sales"

    /// A token for the resource server crm, and its claims.
    private func first(
        _ user: String? = nil, agent: String? = nil, by client: String? = nil, withoutActor: Bool = false
    ) async throws -> (token: String, claims: JSONObject) {
        let fixture = try await KindsFixture.shared.value
        let answer = try await KindsFixture.ask(
            try await KindsFixture.request(for: "crm") { builder in
                builder.set("scope", "accounts:read")
                if let user { builder.set("subject_token", user) }
                if let agent { builder.set("actor_token", agent) }
                if let client { builder.peer = try fixture.certificate(client) }
                guard withoutActor else { return }
                for name in ["actor_token", "actor_token_type"] { builder.set(name, nil) }
            })
        return try await read(answer)
    }

    private func read(_ answer: ExchangeAnswer) async throws -> (token: String, claims: JSONObject) {
        #expect(answer.status == 200, "\(answer.body)")
        return (try #require(answer.token), try await KindsFixture.verified(answer.token).claims)
    }

    /// A user's token whose issuer names the agent, and an agent's whose issuer names the user.
    private static let bonds: [@Sendable (ExchangeFixture) throws -> (user: String, agent: String)] = [
        {
            (try $0.userToken(changing: [.init(name: "may_act", value: assistant)]), try $0.agentToken())
        },
        { (try $0.userToken(), try $0.agentToken(changing: [.init(name: "act_for", value: "alice")])) },
    ]

    @Test func anUnboundTokenThatIsHandedOnStaysUnbound() async throws {
        let (token, claims) = try await first()
        #expect(claims["may_act"] == nil)
        let answer = try await KindsFixture.handOn(token, to: "ledger")
        #expect(answer.error == "access_denied" && answer.token == nil)
        #expect(try await KindsFixture.reason(answer)?.contains("requirement_missing") == true)
    }

    @Test("a bond stands in the token and goes with it, whoever hands it on", arguments: bonds.indices)
    func bound(index: Int) async throws {
        let tokens = try Self.bonds[index](await KindsFixture.shared.value)
        let (token, claims) = try await first(tokens.user, agent: tokens.agent)
        #expect(claims["may_act"] == Self.assistant && claims["act"] == Self.assistant)
        let next = try await read(try await KindsFixture.handOn(token, to: "ledger"))
        #expect(next.claims["may_act"] == Self.assistant)
        #expect(next.claims["act"]?.object?["act"] == Self.assistant)
    }

    @Test("a token that is bound to an agent is not handed to another one", arguments: bonds.indices)
    func otherAgent(index: Int) async throws {
        let fixture = try await KindsFixture.shared.value
        let tokens = try Self.bonds[index](fixture)
        let (token, _) = try await first(tokens.user, agent: tokens.agent)
        // Not even where the other's own issuer says that it acts for the user.
        let other = try fixture.agentToken(
            "second-assistant", changing: [.init(name: "act_for", value: "alice")])
        let refused = try await KindsFixture.handOn(token, to: "ledger", actor: other)
        #expect(refused.status == 400 && refused.error == "invalid_request" && refused.token == nil)
        #expect(try await KindsFixture.reason(refused) == "actor_token: the subject's may_act names another actor")
        // The agent itself may show again that it is the one, and does not stand in its chain twice for that.
        let same = try await read(try await KindsFixture.handOn(token, to: "ledger", actor: try fixture.agentToken()))
        #expect(same.claims["may_act"] == Self.assistant && same.claims["act"] == Self.assistant)
    }

    @Test func anAgentWhoseIssuerNamesTheUserIsBoundToATokenThatNobodyWasBoundTo() async throws {
        let fixture = try await KindsFixture.shared.value
        let (token, _) = try await first()
        let loose = try await KindsFixture.handOn(
            token, to: "ledger", actor: try fixture.agentToken("second-assistant"))
        #expect(loose.error == "access_denied")
        let named = try fixture.agentToken("second-assistant", changing: [.init(name: "act_for", value: "alice")])
        let next = try await read(try await KindsFixture.handOn(token, to: "desk", actor: named))
        #expect(next.claims["may_act"] == Self.second)
        #expect(
            next.claims["act"] == [
                "iss": .string(KindsFixture.agents), "sub": "second-assistant", "act": Self.assistant,
            ])
        // From now on the bond is with that one: whoever was before it in the chain is another.
        let back = try await KindsFixture.handOn(
            next.token, to: "ledger", by: Self.desk, actor: try fixture.agentToken())
        #expect(back.error == "invalid_request")
        #expect(try await KindsFixture.handOn(next.token, to: "ledger", by: Self.desk).status == 200)
    }

    @Test func aBondLastsThroughAChainOfServers() async throws {
        let tokens = try Self.bonds[0](await KindsFixture.shared.value)
        let (token, _) = try await first(tokens.user, agent: tokens.agent)
        let middle = try await read(try await KindsFixture.handOn(token, to: "desk"))
        let last = try await read(try await KindsFixture.handOn(middle.token, to: "ledger", by: Self.desk))
        let server: JSONValue = [
            "iss": .string(ExchangeFixture.vault), "sub": "client:crm-server", "act": Self.assistant,
        ]
        #expect(last.claims["may_act"] == Self.assistant)
        #expect(
            last.claims["act"] == ["iss": .string(ExchangeFixture.vault), "sub": "client:desk-server", "act": server])
    }

    @Test("a caller that is the agent is bound by may_act alone, also later", arguments: [false, true])
    func caller(isNamed: Bool) async throws {
        let changes: [(String, JSONValue)] = isNamed ? [("may_act", ["sub": .string(Self.agent)])] : []
        let (token, claims) = try await first(
            try await KindsFixture.token(of: "https://mesh.example", changes), by: Self.agent, withoutActor: true)
        let party: JSONValue = ["iss": "spiffe://acme.example", "sub": .string(Self.agent)]
        #expect(claims["act"] == party && claims["may_act"] == (isNamed ? party : nil))
        let answer = try await KindsFixture.handOn(token, to: "ledger")
        #expect(answer.error == (isNamed ? nil : "access_denied"), "\(answer.body)")
    }

    @Test(
        "an actor token is refused on the way too where the users' issuer proves agents otherwise",
        arguments: ["https://acts.example", "https://mesh.example"])
    func otherProof(issuer: String) async throws {
        let fixture = try await KindsFixture.shared.value
        let isMesh = issuer == "https://mesh.example"
        let (token, _) = try await first(
            try await KindsFixture.token(of: issuer, [("act", Self.assistant)]),
            by: isMesh ? Self.agent : nil, withoutActor: true)
        let actor = try fixture.agentToken(changing: [.init(name: "act_for", value: "acts:ann")])
        let refused = try await KindsFixture.handOn(token, to: "ledger", actor: actor)
        #expect(refused.error == "invalid_request" && refused.token == nil)
        #expect(
            try await KindsFixture.reason(refused)
                == "actor_token: the agent of this issuer's users is proven otherwise")
        guard !isMesh else { return }
        let next = try await read(try await KindsFixture.handOn(token, to: "ledger"))
        #expect(next.claims["may_act"] == Self.assistant)
    }

    @Test(
        "an agent is bound to one issuer's user and not to another's of the same name",
        arguments: [("alice", false), ("east:alice", true), ("corp:alice", false)])
    func sameName(actsFor: String, isBound: Bool) async throws {
        let fixture = try await KindsFixture.shared.value
        let user = try await KindsFixture.token(of: "https://east.example", subject: "alice")
        let answer = try await KindsFixture.ask(
            try await KindsFixture.request(for: "ledger") {
                $0.set("subject_token", user)
                $0.set(
                    "actor_token", try fixture.agentToken(changing: [.init(name: "act_for", value: .string(actsFor))]))
            })
        #expect(answer.error == (isBound ? nil : "access_denied"), "\(answer.body)")
    }

    @Test func anAgentOfAnIssuerOfUsersKeepsItsNameWhenTheTokenIsHandedOn() async throws {
        let user = try await KindsFixture.token(of: "https://both.example", [("azp", "kiosk")])
        let (token, claims) = try await first(user, withoutActor: true)
        let kiosk: JSONValue = ["iss": "https://both.example", "sub": "both:kiosk"]
        #expect(claims["act"] == kiosk && claims["may_act"] == kiosk)
        let next = try await read(try await KindsFixture.handOn(token, to: "ledger"))
        #expect(next.claims["may_act"] == kiosk)
    }

    @Test("only what can be handed on says who may act", arguments: ["trust", "chat", "aws"])
    func otherKinds(target: String) async throws {
        let tokens = try Self.bonds[0](await KindsFixture.shared.value)
        let answer = try await KindsFixture.ask(
            try await KindsFixture.request(for: target, keepsDetails: target != "chat") {
                $0.set("subject_token", tokens.user)
            })
        #expect(try await read(answer).claims["may_act"] == nil)
        let withReceipt = try await KindsFixture.ask(
            try await KindsFixture.request(for: "demo-api", keepsDetails: true) {
                $0.set("subject_token", tokens.user)
                $0.set("receipt", "trust")
            })
        #expect(try await read(withReceipt).claims["may_act"] == Self.assistant)
        let receipt = try await KindsFixture.verified(withReceipt.body["receipt"]?.string)
        #expect(receipt.claims["may_act"] == nil)
    }

    @Test func theAgentInAFederationsTemplateIsTheAgentAndNotWhoHandedTheTokenOn() async throws {
        let count = #"[{"type":"tool_invocation","tool":"crm.count","actions":["read"]}]"#
        let answer = try await KindsFixture.ask(
            try await KindsFixture.request(for: "crm") { $0.set("authorization_details", count) })
        let (token, _) = try await read(answer)
        let next = try await read(try await KindsFixture.handOn(token, to: "google"))
        #expect(next.claims["sub"] == "alice/sales-assistant")
        #expect(next.claims["act"]?.object?["sub"] == "client:crm-server")
    }
}
