import AuditLog
import Minting
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultAppliance

/// Clients that prove themselves with assertions and keys, from the request to the token and the log.
@Suite(.serialized) struct ClientAuthenticationTests {
    /// A core of its own: refusals without a client share one budget of leaves.
    private static let shared = Task { try await ExchangeFixture() }

    private func ask(_ builder: ExchangeRequestBuilder) async throws -> ExchangeAnswer {
        try ExchangeAnswer(await Self.shared.value.service.respond(to: builder.request()))
    }

    private func claims(_ answer: ExchangeAnswer) throws -> JSONObject {
        let token = try #require(answer.token, "\(answer.body)")
        let input = token.utf8.prefix(upTo: try #require(token.utf8.lastIndex(of: UInt8(ascii: "."))))
        return try SigningInput(parsing: Array(input)).claims
    }

    @Test(
        "nothing is minted, the code is exact, and a leaf says so",
        arguments: BadExchange.assertions + BadExchange.credentials + BadExchange.proofs)
    func refused(exchange: BadExchange) async throws {
        let fixture = try await Self.shared.value
        var builder = try ExchangeRequestBuilder(fixture)
        try exchange.change(&builder, fixture)
        // Within the budget, above which refusals become one leaf.
        try await Task.sleep(for: .milliseconds(60))
        let request = builder.request()
        let answer = try ExchangeAnswer(await fixture.service.respond(to: request))
        #expect(answer.status == exchange.status)
        #expect(answer.error == exchange.error)
        #expect(answer.token == nil)
        #expect((answer.headers["DPoP-Nonce"] != nil) == !request.dpop.isEmpty)
        let leaves = try fixture.entries().filter { $0.requestID == request.requestID }
        #expect(leaves.map(\.kind) == [.denied])
        #expect(leaves.first?.code == exchange.error)
        #expect(leaves.first?.reason?.isEmpty == false)
    }

    @Test("an assertion of each algorithm proves the client", arguments: DevelopmentKey.Algorithm.allCases)
    func algorithms(algorithm: DevelopmentKey.Algorithm) async throws {
        let fixture = try await Self.shared.value
        var builder = try ExchangeRequestBuilder(fixture)
        try builder.authenticate(
            fixture, assertion: try fixture.gateway.assertion(now: fixture.now, algorithm: algorithm))
        let claims = try claims(try await ask(builder))
        #expect(claims["client_id"] == "gateway-jwt")
        #expect(claims["cnf"] == nil)
    }

    @Test("every type that means an assertion is accepted", arguments: [nil, "JWT", "client-authentication+jwt"])
    func types(type: String?) async throws {
        let fixture = try await Self.shared.value
        var builder = try ExchangeRequestBuilder(fixture)
        let header = JSONObject.Member(name: "typ", value: type.map { .string($0) } ?? .null)
        try builder.authenticate(fixture, assertion: try fixture.gateway.assertion(now: fixture.now, header: [header]))
        builder.set("client_id", "gateway-jwt")
        #expect(try await ask(builder).status == 200)
    }

    @Test func aTokenForAnAssertionIsBoundToTheCertificateOfTheConnection() async throws {
        let fixture = try await Self.shared.value
        var builder = try ExchangeRequestBuilder(fixture)
        try builder.authenticate(fixture)
        let peer = try fixture.certificate("spiffe://acme.example/gateway/mesh")
        builder.peer = peer
        let answer = try await ask(builder)
        #expect(answer.body["token_type"] == "Bearer")
        #expect(try claims(answer)["cnf"] == ["x5t#S256": .string(peer.thumbprint)])
    }

    @Test("a token for a proof is bound to its key, whatever the client is", arguments: [true, false])
    func bound(usesAssertion: Bool) async throws {
        let fixture = try await Self.shared.value
        var builder = try ExchangeRequestBuilder(fixture)
        if usesAssertion { try builder.authenticate(fixture) }
        try builder.prove(fixture)
        let answer = try await ask(builder)
        #expect(answer.body["token_type"] == "DPoP")
        #expect(answer.headers["DPoP-Nonce"]?.isEmpty == false)
        #expect(try claims(answer)["cnf"] == ["jkt": .string(fixture.gateway.proofKey.kid)])
    }

    @Test func aRuleThatRequiresAProofGrantsNothingWithoutOne() async throws {
        let fixture = try await Self.shared.value
        var builder = try ExchangeRequestBuilder(fixture)
        builder.set(
            "authorization_details", #"[{"type":"tool_invocation","tool":"crm.export","actions":["read"]}]"#)
        #expect(try await ask(builder).error == "access_denied")
        try builder.prove(fixture)
        #expect(try await ask(builder).status == 200)
    }

    @Test func aNonceIsGivenWhenItIsNeededAndTheAssertionIsStillGood() async throws {
        let fixture = try await Self.shared.value
        var builder = try ExchangeRequestBuilder(fixture)
        try builder.authenticate(fixture)
        builder.dpop = [try fixture.gateway.proof(now: fixture.now, nonce: nil)]
        let refused = try await ask(builder)
        #expect(refused.status == 400)
        #expect(refused.error == "use_dpop_nonce")
        let nonce = try #require(refused.headers["DPoP-Nonce"])
        builder.dpop = [try fixture.gateway.proof(now: fixture.now, nonce: nonce)]
        #expect(try await ask(builder).status == 200)
        builder.dpop = [try fixture.gateway.proof(now: fixture.now, nonce: nonce)]
        #expect(try await ask(builder).error == "invalid_client")
    }

    @Test(
        "every spelling of the one URI is accepted",
        arguments: [
            "https://vault.acme.example:8443/oauth2/token", "HTTPS://Vault.ACME.example:8443/oauth2/token",
            "https://vault.acme.example:8443/oauth2/token?x=1#y", "https://vault.acme.example:8443/%6Fauth2/token",
        ])
    func spellings(uri: String) async throws {
        let fixture = try await Self.shared.value
        var builder = try ExchangeRequestBuilder(fixture)
        try builder.prove(fixture, claims: [.init(name: "htu", value: .string(uri))])
        #expect(try await ask(builder).status == 200)
    }

    @Test func theAliasOfTheEndpointHasItsOwnURI() async throws {
        let fixture = try await Self.shared.value
        var builder = try ExchangeRequestBuilder(fixture)
        builder.path = "/token"
        try builder.prove(fixture)
        #expect(try await ask(builder).error == "invalid_dpop_proof")
        try builder.prove(fixture, claims: [.init(name: "htu", value: "https://vault.acme.example:8443/token")])
        #expect(try await ask(builder).status == 200)
    }
}
