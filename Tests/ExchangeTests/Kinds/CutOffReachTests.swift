import AuditLog
import CoreProtocol
import Minting
import StrictEncoding
import Testing

@testable import VaultAppliance

/// How far a cut-off of a client reaches: to what it obtained, and to what was made of that.
@Suite(.serialized) struct CutOffReachTests {
    private static let crm = "spiffe://acme.example/server/crm"
    private static let desk = "spiffe://acme.example/server/desk"

    /// A view in which one client is cut off, and everything else as usual.
    private func view(without client: String) async throws -> RevocationView {
        let fixture = try await KindsFixture.shared.value
        let view = RevocationView(clock: { fixture.now })
        try await view.replay(fixture.core)
        var entry = Entry(kind: .cutoff)
        entry.subject = .init(iss: nil, sub: client)
        entry.subjectType = CutOff.Kind.client.rawValue
        entry.until = fixture.now.seconds + 60
        view.note(entry)
        return view
    }

    private func first() async throws -> String {
        let user = try await KindsFixture.shared.value.userToken(changing: [
            .init(name: "may_act", value: ["iss": .string(KindsFixture.agents), "sub": "sales-assistant"])
        ])
        let answer = try await KindsFixture.ask(
            try await KindsFixture.request(for: "crm") {
                $0.set("subject_token", user)
                $0.set("scope", "accounts:read")
            })
        return try #require(answer.token, "\(answer.body)")
    }

    @Test("what a gateway obtained is not handed on once it is cut off", arguments: [false, true])
    func obtained(hasActor: Bool) async throws {
        let fixture = try await KindsFixture.shared.value
        let token = try await first()
        let service = fixture.service(revocations: try await view(without: "gateway-mcp"))
        let changes: [(String, String?)] =
            hasActor
            ? [("actor_token", try fixture.agentToken()), ("actor_token_type", ExchangeRequestBuilder.jwt)] : []
        let answer = try await KindsFixture.handOn(token, to: "ledger", changes, of: service)
        #expect(answer.status == 400 && answer.error == "access_denied" && answer.token == nil)
        #expect(try await KindsFixture.reason(answer) == "cut off: the client")
        // Another client's cut-off does not concern it.
        let other = fixture.service(revocations: try await view(without: "agent-sales"))
        #expect(try await KindsFixture.handOn(token, to: "ledger", changes, of: other).status == 200)
    }

    @Test func aClientThatStandsInTheChainIsFoundThere() async throws {
        let fixture = try await KindsFixture.shared.value
        let middle = try await KindsFixture.handOn(try await first(), to: "desk")
        let last = try await KindsFixture.handOn(try #require(middle.token), to: "ledger", by: Self.desk)
        var builder = try ExchangeRequestBuilder(fixture)
        builder.path = RouteTable.introspectionPath
        builder.parameters = [("token", try #require(last.token))]
        builder.peer = try fixture.certificate(Self.desk)
        let (usual, without) = (fixture.states, fixture.states(try await view(without: "crm-server")))
        #expect(try ExchangeAnswer(await usual.introspect(builder.request())).body["active"] == true)
        let answer = await without.introspect(builder.request())
        #expect(String(decoding: answer.body, as: UTF8.self) == #"{"active":false}"#)
    }

    @Test func introspectionSaysWhoMayAct() async throws {
        let fixture = try await KindsFixture.shared.value
        let answer = try await KindsFixture.handOn(try await first(), to: "ledger")
        var builder = try ExchangeRequestBuilder(fixture)
        builder.path = RouteTable.introspectionPath
        builder.parameters = [("token", try #require(answer.token))]
        builder.peer = try fixture.certificate(Self.desk)
        let body = try ExchangeAnswer(await fixture.states.introspect(builder.request())).body
        #expect(body["may_act"] == ["iss": .string(KindsFixture.agents), "sub": "sales-assistant"])
    }
}
