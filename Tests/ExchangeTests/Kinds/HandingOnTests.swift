import AuditLog
import Minting
import StrictEncoding
import Testing

@testable import VaultAppliance

/// Our own tokens as subject tokens: only by whom they name, and only to narrow.
@Suite(.serialized) struct HandingOnTests {
    /// A token for the resource server crm: `accounts:list accounts:read`, with or without a call.
    private func token(details: Bool, _ changes: [(String, String?)] = []) async throws -> (String, JSONObject) {
        let answer = try await KindsFixture.ask(
            try await KindsFixture.request(for: "crm", keepsDetails: details) { builder in
                for (name, value) in changes { builder.set(name, value) }
            })
        let (_, claims) = try await KindsFixture.verified(answer.token)
        return (try #require(answer.token), claims)
    }

    @Test func theServerThatATokenIsForMayHandItOn() async throws {
        let fixture = try await KindsFixture.shared.value
        let (token, first) = try await token(details: false, [("scope", "accounts:read")])
        let answer = try await KindsFixture.handOn(token, to: "billing")
        #expect(answer.status == 200, "\(answer.body)")
        let (_, claims) = try await KindsFixture.verified(answer.token)
        #expect(claims["sub"] == "alice" && claims["client_id"] == "crm-server" && claims["txn"] == first["txn"])
        #expect(claims["scope"] == "accounts:read" && claims["exp"]?.integer ?? 0 <= first["exp"]?.integer ?? 0)
        let act: JSONValue = [
            "iss": .string(ExchangeFixture.vault), "sub": "client:crm-server", "act": try #require(first["act"]),
        ]
        #expect(claims["act"] == act)
        let entry = try #require(try fixture.entries().last { $0.jti == claims["jti"]?.string })
        #expect(entry.user == .init(iss: "https://idp.acme.example", sub: "alice") && entry.actors?.count == 2)
    }

    @Test func theClientATokenIsBoundToMayNarrowIt() async throws {
        let first = try await KindsFixture.request(for: "crm", keepsDetails: true)
        let token = try #require(try await KindsFixture.ask(first).token)
        var builder = first
        for name in ["actor_token", "actor_token_type", "authorization_details"] { builder.set(name, nil) }
        for (name, value) in [("subject_token", token), ("audience", "billing"), ("scope", "accounts:read")] {
            builder.set(name, value)
        }
        let answer = try await KindsFixture.ask(builder)
        #expect(answer.status == 200, "\(answer.body)")
        let (_, before) = try await KindsFixture.verified(token)
        let (_, claims) = try await KindsFixture.verified(answer.token)
        #expect(claims["scope"] == "accounts:read" && claims["act"] == before["act"])
        #expect(claims["authorization_details"] == before["authorization_details"])
        // The same client with another certificate is not who the token is bound to.
        let other = try await KindsFixture.handOn(
            token, to: "billing", by: ExchangeFixture.gatewayName, [("scope", "accounts:read")])
        #expect(other.error == "invalid_request")
    }

    @Test func anotherClientMayNot() async throws {
        let (token, _) = try await token(details: false, [("scope", "accounts:read")])
        let answer = try await KindsFixture.handOn(token, to: "billing", by: "spiffe://acme.example/agent/sales")
        #expect(answer.status == 400 && answer.error == "invalid_request")
    }

    @Test func aTokenIsRevokedWithTheOneItWasMadeFromAndNotTheOtherWayRound() async throws {
        let fixture = try await KindsFixture.shared.value
        let (token, first) = try await token(details: false, [("scope", "accounts:read")])
        let children = [
            try await KindsFixture.handOn(token, to: "billing"), try await KindsFixture.handOn(token, to: "billing"),
        ]
        var jtis: [String] = []
        for child in children {
            jtis.append(try #require(try await KindsFixture.verified(child.token).1["jti"]?.string))
        }
        let parent = try #require(first["jti"]?.string)
        #expect(jtis.allSatisfy { $0.hasPrefix(parent + ".") } && jtis[0] != jtis[1])
        func revoke(_ jti: String) {
            var entry = Entry(kind: .revoked)
            entry.jti = jti
            entry.until = fixture.now.seconds + 60
            fixture.revocations.note(entry)
        }
        revoke(jtis[0])
        #expect(fixture.revocations.isRevoked(jtis[0]) && !fixture.revocations.isRevoked(jtis[1]))
        #expect(!fixture.revocations.isRevoked(parent))
        #expect(try await KindsFixture.handOn(token, to: "billing").status == 200)
        revoke(parent)
        #expect(fixture.revocations.isRevoked(jtis[1]) && fixture.revocations.isRevoked(parent))
        #expect(!fixture.revocations.isRevoked(parent + "x"))
        #expect(try await KindsFixture.handOn(token, to: "billing").error == "invalid_request")
    }

    @Test func aTokenIsHandedOnAFewTimesAndNoMore() async throws {
        let first = try await KindsFixture.request(for: "crm", keepsDetails: true)
        var builder = first
        for name in ["actor_token", "actor_token_type", "authorization_details"] { builder.set(name, nil) }
        builder.set("scope", "accounts:read")
        var token = try #require(try await KindsFixture.ask(first).token)
        var answers: [ExchangeAnswer] = []
        for _ in 0..<6 {
            builder.set("subject_token", token)
            builder.set("audience", "billing")
            let answer = try await KindsFixture.ask(builder)
            answers.append(answer)
            guard let next = answer.token else { break }
            token = next
        }
        #expect(answers.count == 5 && answers.dropLast().allSatisfy { $0.status == 200 })
        #expect(answers.last?.status == 400 && answers.last?.error == "invalid_request")
    }

    @Test func anActorTokenExtendsTheChain() async throws {
        let fixture = try await KindsFixture.shared.value
        let (token, first) = try await token(details: true)
        let answer = try await KindsFixture.handOn(
            token, to: "billing",
            [
                ("actor_token", try fixture.agentToken("second-assistant")),
                ("actor_token_type", ExchangeRequestBuilder.jwt),
            ])
        #expect(answer.status == 200, "\(answer.body)")
        let (_, claims) = try await KindsFixture.verified(answer.token)
        let act: JSONValue = [
            "iss": .string(KindsFixture.agents), "sub": "second-assistant", "act": try #require(first["act"]),
        ]
        #expect(claims["act"] == act)
    }

    static let wider: [(details: Bool, name: String, value: String, error: String)] = [
        (false, "scope", "accounts:read bill", "invalid_scope"), (false, "scope", "bill", "invalid_scope"),
        (
            false, "authorization_details", #"[{"type":"tool_invocation","tool":"crm.read_account"}]"#,
            "invalid_authorization_details"
        ),
        (
            true, "authorization_details", #"[{"type":"tool_invocation","tool":"crm.read_account"}]"#,
            "invalid_authorization_details"
        ),
        (
            true, "authorization_details",
            #"[{"type":"tool_invocation","tool":"crm.read_account","actions":["read","list"]}]"#,
            "invalid_authorization_details"
        ),
        (
            true, "authorization_details",
            #"[{"type":"tool_invocation","tool":"crm.read_account","actions":["read"],"locations":["https://x.example/"]}]"#,
            "invalid_authorization_details"
        ),
        (
            true, "authorization_details", #"[{"type":"tool_invocation","tool":"other","actions":["read"]}]"#,
            "invalid_authorization_details"
        ),
    ]

    @Test("more than the token says is refused", arguments: wider.indices)
    func widening(index: Int) async throws {
        let (details, name, value, error) = Self.wider[index]
        let (token, _) = try await token(details: details, details ? [] : [("scope", "accounts:read")])
        let answer = try await KindsFixture.handOn(token, to: "billing", [(name, value)])
        #expect(answer.error == error, "\(answer.body)")
    }

    @Test func scopeThatTheNextRuleDoesNotKnowIsNotDroppedInSilence() async throws {
        // The token has two scopes, of which the next rule knows one: nobody asked for less, so it is refused.
        let (token, _) = try await token(details: false)
        #expect(try await KindsFixture.handOn(token, to: "billing").error == "invalid_scope")
    }

    @Test(
        "a token of ours that is no access token is no subject token",
        arguments: ["trust", "chat", "aws"])
    func otherKinds(target: String) async throws {
        let answer = try await KindsFixture.ask(
            try await KindsFixture.request(for: target, keepsDetails: target != "chat"))
        let onward = try await KindsFixture.handOn(
            try #require(answer.token), to: "billing", by: ExchangeFixture.gatewayName)
        #expect(onward.error == "invalid_request" && onward.token == nil)
    }

    @Test func aTouchedTokenOfOursIsRefused() async throws {
        var (token, _) = try await token(details: true)
        let last = token.removeLast()
        token.append(last == "A" ? "Q" : "A")
        #expect(try await KindsFixture.handOn(token, to: "billing").error == "invalid_request")
    }

    @Test func aForgeryInOurNameIsRefused() async throws {
        let token = try await KindsFixture.token(
            of: ExchangeFixture.vault, subject: "alice", type: "at+jwt",
            [("client_id", "gateway-mcp"), ("aud", "spiffe://acme.example/server/crm"), ("scope", "accounts:read")])
        #expect(try await KindsFixture.handOn(token, to: "billing").error == "invalid_request")
    }

    @Test func anActorTokenOfOursIsNone() async throws {
        let (token, _) = try await token(details: true)
        let answer = try await KindsFixture.ask(
            try await KindsFixture.request(for: "demo-api", keepsDetails: true) { $0.set("actor_token", token) })
        #expect(answer.error == "invalid_request")
    }
}
