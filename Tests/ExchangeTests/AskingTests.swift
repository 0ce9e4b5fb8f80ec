import StrictEncoding
import Testing

@testable import VaultAppliance

/// Who may ask about a token and end it, beside those whom the configuration names (RFC 7662 section 2.1, RFC 7009).
@Suite(.serialized) struct AskingTests {
    private static let inactive = #"{"active":false}"#

    private func ask(
        _ fixture: ExchangeFixture, _ path: String, _ token: String,
        _ prove: (inout ExchangeRequestBuilder) throws -> Void
    ) async throws -> (status: Int, body: String) {
        var builder = try ExchangeRequestBuilder(fixture)
        builder.path = path
        builder.parameters = [("token", token)]
        try prove(&builder)
        let request = builder.request()
        let response =
            path == RouteTable.introspectionPath
            ? await fixture.states.introspect(request) : await fixture.states.revoke(request)
        return (response.status, String(decoding: response.body, as: UTF8.self))
    }

    @Test func theResourceServerThatAudNamesMayAskAndNoOther() async throws {
        let fixture = try await KindsFixture.shared.value
        let answer = try await KindsFixture.ask(try await KindsFixture.request(for: "crm"))
        let token = try #require(answer.token, "\(answer.body)")
        for (server, mayAsk) in [("crm", true), ("desk", false)] {
            let peer = try fixture.certificate("spiffe://acme.example/server/\(server)")
            let told = try await ask(fixture, RouteTable.introspectionPath, token) { $0.peer = peer }
            #expect(told.status == 200)
            #expect((told.body != Self.inactive) == mayAsk, "\(server)")
        }
    }

    @Test func aClientWithAssertionsAsksAndEndsWithItsOwnProof() async throws {
        let fixture = try await KindsFixture.shared.value
        let path = RouteTable.introspectionPath
        let minted = try await KindsFixture.ask(
            try await KindsFixture.request(for: "demo-api", keepsDetails: true) {
                try $0.authenticate(fixture)
                try $0.prove(fixture)
            })
        let token = try #require(minted.token, "\(minted.body)")
        // The token is bound to the key of its proof: without one its own client is told nothing.
        let unproven = try await ask(fixture, path, token) { try $0.authenticate(fixture) }
        #expect(unproven.status == 200 && unproven.body == Self.inactive)
        let target = "https://vault.acme.example:8443" + path
        let told = try await ask(fixture, path, token) {
            try $0.authenticate(fixture)
            try $0.prove(fixture, claims: [.init(name: "htu", value: .string(target))])
        }
        let body = try #require(try JSONParser.parse(Array(told.body.utf8)).object)
        #expect(told.status == 200 && body["active"] == true && body["token_type"] == "DPoP")
        #expect(body["client_id"] == "gateway-jwt")
        let ended = try await ask(fixture, "/oauth2/revoke", token) { try $0.authenticate(fixture) }
        #expect(ended.status == 200 && ended.body.isEmpty)
        let after = try await ask(fixture, path, token) {
            try $0.authenticate(fixture)
            try $0.prove(fixture, claims: [.init(name: "htu", value: .string(target))])
        }
        #expect(after.body == Self.inactive)
    }
}
