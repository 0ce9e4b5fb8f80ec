import AuditLog
import Crypto
import Minting
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultAppliance

/// What the exchange grants, and what the token and the log then say.
@Suite(.serialized) struct ExchangeTests {
    static let shared = Task { try await ExchangeFixture() }

    private func ask(_ request: GatewayRequest) async throws -> ExchangeAnswer {
        try ExchangeAnswer(await Self.shared.value.service.respond(to: request))
    }

    private func claims(_ token: String, _ fixture: ExchangeFixture) throws -> (header: JSONObject, claims: JSONObject)
    {
        let keys = try JSONWebKeySet(parsing: fixture.keys.jwks.body)
        let dot = try #require(token.utf8.lastIndex(of: UInt8(ascii: ".")))
        let input = Array(token.utf8[..<dot])
        let parsed = try SigningInput(parsing: input)
        let kid = try #require(parsed.header["kid"]?.string)
        let key = try #require(keys.key(kid: kid))
        let signature = try #require(Base64URL.decode(token.utf8[token.utf8.index(after: dot)...]))
        #expect(key.verify(signature, over: input))
        return (parsed.header, parsed.claims)
    }

    @Test func aGrantedToolCallGetsATokenForExactlyThat() async throws {
        let fixture = try await Self.shared.value
        let builder = try ExchangeRequestBuilder(fixture)
        let answer = try await ask(builder.request())
        #expect(answer.status == 200)
        #expect(answer.body["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token")
        #expect(answer.body["token_type"] == "Bearer")
        #expect(answer.body["expires_in"] == 60)
        #expect(answer.body["scope"] == "accounts:read")
        let details: JSONValue = [["type": "tool_invocation", "tool": "crm.read_account", "actions": ["read"]]]
        #expect(answer.body["authorization_details"] == details)

        let (header, claims) = try claims(try #require(answer.token), fixture)
        #expect(header["typ"] == "at+jwt")
        #expect(header["alg"] == "ES256")
        #expect(claims["iss"] == .string(ExchangeFixture.vault))
        #expect(claims["sub"] == "alice")
        #expect(claims["aud"] == .string(ExchangeFixture.audience))
        #expect(claims["client_id"] == "gateway-mcp")
        #expect(claims["scope"] == "accounts:read")
        #expect(claims["act"] == ["iss": "https://agents.acme.example", "sub": "sales-assistant"])
        let peer = try #require(builder.peer)
        #expect(claims["cnf"] == ["x5t#S256": .string(peer.thumbprint)])
        #expect(claims["authorization_details"] == details)
        let (expiry, issuedAt) = (try #require(claims["exp"]?.integer), try #require(claims["iat"]?.integer))
        #expect(expiry - issuedAt == 60)
    }

    @Test func theLogSaysWhatTheTokenSays() async throws {
        let fixture = try await Self.shared.value
        let request = try ExchangeRequestBuilder(fixture).request()
        let answer = try await ask(request)
        let token = try #require(answer.token)
        let (_, claims) = try claims(token, fixture)
        let index = try #require(answer.headers["X-Audit-Leaf"].flatMap { Int($0) })
        let entry = try fixture.entries()[index]
        #expect(entry.kind == .mint)
        #expect(entry.requestID == request.requestID)
        #expect(entry.jti == claims["jti"]?.string)
        #expect(entry.exp == claims["exp"]?.integer)
        #expect(entry.user == .init(iss: "https://idp.acme.example", sub: "alice"))
        #expect(entry.actors == [.init(iss: "https://agents.acme.example", sub: "sales-assistant")])
        #expect(entry.client == "gateway-mcp")
        #expect(entry.target == "demo-api")
        #expect(entry.tool == "crm.read_account")
        #expect(entry.ruleID == "read")
        #expect(entry.custody == "development")
        #expect(entry.keyLabel == "es256")
        let input = token.utf8.prefix(upTo: try #require(token.utf8.lastIndex(of: UInt8(ascii: "."))))
        #expect(entry.inputSHA256 == Base64URL.string(Array(SHA256.hash(data: Array(input)))))
    }

    @Test("each algorithm of the token signs", arguments: ["rs256", "ps256", "eddsa"])
    func algorithms(name: String) async throws {
        let fixture = try await Self.shared.value
        var builder = try ExchangeRequestBuilder(fixture)
        builder.set("audience", "https://\(name).acme.example")
        builder.set("authorization_details", nil)
        let answer = try await ask(builder.request())
        let (header, claims) = try claims(try #require(answer.token), fixture)
        #expect(header["alg"]?.string?.lowercased() == name)
        #expect(claims["scope"] == "use")
    }

    @Test("user tokens of each configured algorithm are accepted", arguments: ["ES256", "RS256", "PS256", "EdDSA"])
    func inboundAlgorithms(name: String) async throws {
        let fixture = try await Self.shared.value
        let algorithm = try #require(DevelopmentKey.Algorithm(rawValue: name))
        let token = try fixture.userToken(algorithm: algorithm)
        let answer = try await ask(try ExchangeRequestBuilder(fixture, user: token).request())
        #expect(answer.status == 200)
    }

    @Test func aRequestWithoutDetailsIsForTheRuleWithoutTools() async throws {
        let fixture = try await Self.shared.value
        var builder = try ExchangeRequestBuilder(fixture)
        builder.set("authorization_details", nil)
        builder.set("scope", "accounts:list")
        let answer = try await ask(builder.request())
        #expect(answer.body["scope"] == "accounts:list")
        #expect(answer.body["authorization_details"] == nil)
    }

    @Test func aResourceNamesTheTarget() async throws {
        var builder = try ExchangeRequestBuilder(try await Self.shared.value)
        builder.set("audience", nil)
        builder.set("resource", "https://demo-api.acme.example/accounts/7")
        #expect(try await ask(builder.request()).status == 200)
    }

    @Test func aTokenLivesNoLongerThanItsKeyAllows() async throws {
        var builder = try ExchangeRequestBuilder(try await Self.shared.value)
        builder.set("authorization_details", nil)
        // Rule scope-only says 5 min, the key's profile 90 s.
        #expect(try await ask(builder.request()).body["expires_in"] == 90)
    }

    @Test func aTokenLivesNoLongerThanTheTokensItComesFrom() async throws {
        let fixture = try await Self.shared.value
        let short = try fixture.userToken(lifetime: 20)
        let answer = try await ask(try ExchangeRequestBuilder(fixture, user: short).request())
        #expect(answer.body["expires_in"] == 20)
        let agent = try fixture.agentToken(lifetime: 10)
        let other = try await ask(try ExchangeRequestBuilder(fixture, agent: agent).request())
        #expect(other.body["expires_in"] == 10)
    }

    @Test func aSubjectThatWasActedForKeepsItsChainOfActors() async throws {
        let fixture = try await Self.shared.value
        let earlier: JSONValue = ["iss": "https://agents.acme.example", "sub": "planner"]
        let user = try fixture.userToken(changing: [.init(name: "act", value: earlier)])
        let answer = try await ask(try ExchangeRequestBuilder(fixture, user: user).request())
        let token = try #require(answer.token)
        let (_, claims) = try claims(token, fixture)
        #expect(
            claims["act"] == ["iss": "https://agents.acme.example", "sub": "sales-assistant", "act": earlier])
    }

    @Test func theTokenTypeAskedForIsTheOneNamedInTheAnswer() async throws {
        var builder = try ExchangeRequestBuilder(try await Self.shared.value)
        builder.set("requested_token_type", ExchangeRequestBuilder.jwt)
        #expect(try await ask(builder.request()).body["issued_token_type"] == .string(ExchangeRequestBuilder.jwt))
    }

    @Test func anActorIsBoundByMayActOrByItsOwnToken() async throws {
        let fixture = try await Self.shared.value
        func ask(user: String, agent: String) async throws -> ExchangeAnswer {
            var builder = try ExchangeRequestBuilder(fixture, user: user, agent: agent)
            builder.set(
                "authorization_details",
                #"[{"type":"tool_invocation","tool":"crm.delete_account","actions":["delete"]}]"#)
            return try await self.ask(builder.request())
        }
        let mayAct = try fixture.userToken(changing: [
            .init(name: "may_act", value: ["sub": "sales-assistant", "iss": "https://agents.acme.example"])
        ])
        #expect(try await ask(user: mayAct, agent: fixture.agentToken()).status == 200)
        let actsFor = try fixture.agentToken(changing: [.init(name: "act_for", value: "alice")])
        #expect(try await ask(user: fixture.userToken(), agent: actsFor).status == 200)
        let actsForBob = try fixture.agentToken(changing: [.init(name: "act_for", value: "bob")])
        #expect(try await ask(user: fixture.userToken(), agent: actsForBob).error == "access_denied")
        #expect(try await ask(user: fixture.userToken(), agent: fixture.agentToken()).error == "access_denied")
    }
}
