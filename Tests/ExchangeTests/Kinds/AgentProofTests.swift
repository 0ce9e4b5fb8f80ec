import StrictEncoding
import Testing

@testable import VaultAppliance

/// How the agent is proven, by issuer, and how long a chain of actors may be.
@Suite(.serialized) struct AgentProofTests {
    private static let assistant: JSONValue = ["iss": .string(KindsFixture.agents), "sub": "sales-assistant"]

    private func ask(
        _ token: String, keepsActor: Bool = false, by client: String = ExchangeFixture.gatewayName
    ) async throws -> ExchangeAnswer {
        let fixture = try await KindsFixture.shared.value
        return try await KindsFixture.ask(
            try await KindsFixture.request(for: "billing") {
                $0.set("subject_token", token)
                $0.peer = try fixture.certificate(client)
                guard !keepsActor else { return }
                $0.set("actor_token", nil)
                $0.set("actor_token_type", nil)
            })
    }

    @Test func theAgentInActIsProvenByTheUsersIssuer() async throws {
        let answer = try await ask(try await KindsFixture.token(of: "https://acts.example", [("act", Self.assistant)]))
        #expect(answer.status == 200, "\(answer.body)")
        let (_, claims) = try await KindsFixture.verified(answer.token)
        #expect(claims["sub"] == "acts:ann" && claims["act"] == Self.assistant)
    }

    @Test func anAgentWithoutIssuerIsOneOfTheUsersIssuer() async throws {
        let answer = try await ask(try await KindsFixture.token(of: "https://acts.example", [("act", ["sub": "bot"])]))
        let (_, claims) = try await KindsFixture.verified(answer.token)
        #expect(claims["act"] == ["iss": "https://acts.example", "sub": "bot"])
    }

    @Test(
        "an actor that the issuer may not vouch for is refused",
        arguments: [
            ["iss": "https://unknown.example", "sub": "sales-assistant"],
            ["iss": "https://idp.acme.example", "sub": "sales-assistant"],
        ] as [JSONValue])
    func foreignActor(act: JSONValue) async throws {
        let answer = try await ask(try await KindsFixture.token(of: "https://acts.example", [("act", act)]))
        #expect(answer.error == "invalid_request")
    }

    @Test func theAuthorizedPartyIsTheAgent() async throws {
        let answer = try await ask(try await KindsFixture.token(of: "https://portal.example", [("azp", "desk")]))
        let (_, claims) = try await KindsFixture.verified(answer.token)
        #expect(claims["act"] == ["iss": "https://portal.example", "sub": "desk"] && claims["sub"] == "portal:ann")
        let other = try await ask(try await KindsFixture.token(of: "https://portal.example", [("azp", "kiosk")]))
        #expect(other.error == "access_denied")
        let none = try await ask(try await KindsFixture.token(of: "https://portal.example"))
        #expect(none.error == "access_denied")
    }

    @Test func theCallerIsTheAgentByItsSPIFFEID() async throws {
        let token = try await KindsFixture.token(of: "https://mesh.example")
        let answer = try await ask(token, by: "spiffe://acme.example/agent/sales")
        #expect(answer.status == 200, "\(answer.body)")
        let (_, claims) = try await KindsFixture.verified(answer.token)
        #expect(
            claims["act"] == ["iss": "spiffe://acme.example", "sub": "spiffe://acme.example/agent/sales"])
        #expect(try await ask(token).error == "access_denied")
    }

    @Test(
        "an actor token is refused where the agent is proven otherwise",
        arguments: ["https://acts.example", "https://portal.example", "https://mesh.example"])
    func actorToken(issuer: String) async throws {
        let token = try await KindsFixture.token(of: issuer, [("act", Self.assistant), ("azp", "desk")])
        #expect(try await ask(token, keepsActor: true).error == "invalid_request")
    }

    @Test(
        "may_act is enforced however the agent is proven",
        arguments: [
            ("sales-assistant", KindsFixture.agents, true), ("other", KindsFixture.agents, false),
            ("sales-assistant", "https://acts.example", false),
            // Several issuers have agents: a name alone may be another one's (RFC 8693 section 4.4).
            ("sales-assistant", nil, false),
        ] as [(String, String?, Bool)])
    func mayAct(subject: String, issuer: String?, isAccepted: Bool) async throws {
        var mayAct = JSONObject([.init(name: "sub", value: .string(subject))])
        mayAct["iss"] = issuer.map { .string($0) }
        let token = try await KindsFixture.token(
            of: "https://acts.example", [("act", Self.assistant), ("may_act", .object(mayAct))])
        let answer = try await ask(token)
        #expect(answer.status == (isAccepted ? 200 : 400) && answer.error == (isAccepted ? nil : "invalid_request"))
    }

    @Test func aNameAloneMeansAnAgentOfTheUsersOwnIssuer() async throws {
        let token = try await KindsFixture.token(
            of: "https://acts.example", [("act", ["sub": "bot"]), ("may_act", ["sub": "bot"])])
        #expect(try await ask(token).status == 200)
    }

    @Test(
        "an agent that only the user's token names, where agents are proven otherwise, is none",
        arguments: ["https://idp.acme.example", "https://portal.example"])
    func unproven(issuer: String) async throws {
        // The issuer of users could else put an agent of its choice into our token, which handed on would be proven.
        let token = try await KindsFixture.token(of: issuer, [("act", Self.assistant)])
        let answer = try await ask(token)
        #expect(answer.error == "invalid_request" && answer.token == nil)
        #expect(try await KindsFixture.reason(answer)?.contains("none was proven") == true)
    }

    @Test func mayActIsNotMetWithoutAnAgent() async throws {
        let token = try await KindsFixture.token(of: "https://portal.example", [("may_act", ["sub": "desk"])])
        #expect(try await ask(token).error == "invalid_request")
    }

    @Test("a chain of actors ends at the configured depth", arguments: [(1, true), (2, true), (3, false)])
    func depth(earlier: Int, isAccepted: Bool) async throws {
        let fixture = try await KindsFixture.shared.value
        var act: JSONValue = ["sub": "first"]
        for number in 1..<max(earlier, 1) { act = ["sub": .string("later-\(number)"), "act": act] }
        // The limit is three, and the actor token adds one.
        let user = try fixture.userToken(changing: [.init(name: "act", value: act)])
        let answer = try await KindsFixture.ask(
            try await KindsFixture.request(for: "demo-api", keepsDetails: true) { $0.set("subject_token", user) })
        #expect(answer.error == (isAccepted ? nil : "invalid_request"), "\(answer.body)")
    }
}
