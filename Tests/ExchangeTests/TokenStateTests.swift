import AuditLog
import CoreProtocol
import Foundation
import Logging
import Minting
import StrictEncoding
import Testing
import VaultCore
import VaultTesting

@testable import VaultAppliance

/// Introspection, revocation and security events over a real core: what counts, who may ask, and who may end it.
@Suite(.serialized) struct TokenStateTests {
    static let shared = Task {
        try await ExchangeFixture(
            ExchangeAdditions(
                clients: """
                      - {id: demo-server, auth: tls_client_auth, san_uri: "spiffe://acme.example/demo", introspects: [demo-api]}
                      - {id: other-server, auth: tls_client_auth, san_uri: "spiffe://acme.example/other", introspects: [api-rs256]}
                    """,
                issuers: """
                      - {name: caep, issuer: "https://caep.acme.example", roles: [events], audiences: ["https://vault.acme.example"], algorithms: [ES256], jwks_file: idp-jwks.json, events_for: [corp]}
                    """))
    }
    private static let server = "spiffe://acme.example/demo"
    private static let event = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"

    // MARK: Asking

    private func mint(_ fixture: ExchangeFixture, _ user: String) async throws -> String {
        let builder = try ExchangeRequestBuilder(fixture, user: fixture.userToken(user))
        let answer = try ExchangeAnswer(await fixture.service.respond(to: builder.request()))
        return try #require(answer.token, "\(answer.body)")
    }

    private func ask(
        _ fixture: ExchangeFixture, _ path: String, _ token: String?, as peer: PeerCertificate?,
        with more: [(String, String)] = []
    ) async throws -> (status: Int, body: String, request: String) {
        var builder = try ExchangeRequestBuilder(fixture)
        builder.path = path
        builder.parameters = (token.map { [("token", $0)] } ?? []) + more
        builder.peer = peer
        let request = builder.request()
        let response =
            path == RouteTable.introspectionPath
            ? await fixture.states.introspect(request) : await fixture.states.revoke(request)
        return (response.status, String(decoding: response.body, as: UTF8.self), request.requestID)
    }

    private func introspect(
        _ fixture: ExchangeFixture, _ token: String, as name: String = server
    ) async throws -> String {
        let answer = try await ask(fixture, RouteTable.introspectionPath, token, as: fixture.certificate(name))
        #expect(answer.status == 200)
        return answer.body
    }

    private func exchange(_ fixture: ExchangeFixture, user: String) async throws -> ExchangeAnswer {
        let builder = try ExchangeRequestBuilder(fixture, user: user)
        return try ExchangeAnswer(await fixture.service.respond(to: builder.request()))
    }

    // MARK: Introspection

    @Test func anActiveTokenIsDescribedToItsResourceServerAndToWhomItIsBound() async throws {
        let fixture = try await Self.shared.value
        var builder = try ExchangeRequestBuilder(fixture, user: fixture.userToken("ada"))
        let peer = try #require(builder.peer)
        let token = try #require(
            try ExchangeAnswer(await fixture.service.respond(to: builder.request())).token)
        builder.parameters = []
        for asker in [try fixture.certificate(Self.server), peer] {
            let answer = try await ask(fixture, RouteTable.introspectionPath, token, as: asker)
            let body = try #require(try JSONParser.parse(Array(answer.body.utf8)).object)
            #expect(body["active"] == true && body["sub"] == "ada" && body["client_id"] == "gateway-mcp")
            #expect(body["act"] == ["iss": "https://agents.acme.example", "sub": "sales-assistant"])
            #expect(body["cnf"] == ["x5t#S256": .string(peer.thumbprint)] && body["token_type"] == "Bearer")
            #expect(body["scope"] == "accounts:read" && body["aud"] == .string(ExchangeFixture.audience))
            #expect(body["authorization_details"]?.array?.first?.object?["tool"] == "crm.read_account")
            #expect(body["exp"]?.integer != nil && body["iss"] == .string(ExchangeFixture.vault))
        }
    }

    @Test(
        "everything else is inactive and nothing more", arguments: ["stranger", "altered", "foreign", "none", "long"])
    func inactive(what: String) async throws {
        let fixture = try await Self.shared.value
        let token = try await mint(fixture, "ada")
        let shown: String
        switch what {
        case "altered": shown = String(token.dropLast(4)) + (token.hasSuffix("AAAA") ? "BBBB" : "AAAA")
        case "foreign": shown = try fixture.userToken("ada")
        case "none": shown = "no-token-at-all"
        case "long": shown = String(repeating: "a", count: 40_000)
        default: shown = token
        }
        let name = what == "stranger" ? "spiffe://acme.example/other" : Self.server
        #expect(try await introspect(fixture, shown, as: name) == #"{"active":false}"#)
    }

    @Test(
        "a request that is none is refused and recorded", arguments: [RouteTable.introspectionPath, "/oauth2/revoke"])
    func badRequests(path: String) async throws {
        let fixture = try await Self.shared.value
        let client = try fixture.certificate(Self.server)
        let token = try await mint(fixture, "ada")
        let stranger = try fixture.certificate("spiffe://acme.example/nobody")
        let cases: [(String?, PeerCertificate?, [(String, String)], Int, String)] = [
            (nil, client, [], 400, "invalid_request"), ("", client, [], 400, "invalid_request"),
            (token, client, [("token", token)], 400, "invalid_request"),
            (token, client, [("token_type_hint", "")], 400, "invalid_request"),
            (token, nil, [], 401, "invalid_client"), (token, stranger, [], 401, "invalid_client"),
            (token, client, [("client_id", "gateway-mcp")], 401, "invalid_client"),
        ]
        for (token, peer, more, status, code) in cases {
            let answer = try await ask(fixture, path, token, as: peer, with: more)
            #expect(answer.status == status && answer.body.contains("\"\(code)\""), "\(more) \(answer.body)")
            let leaves = try fixture.entries().filter { $0.requestID == answer.request }
            #expect(leaves.map(\.kind) == [.denied] && leaves.first?.code == code)
        }
    }

    @Test func aViewThatIsOutOfDateAnswersNothing() async throws {
        let fixture = try await Self.shared.value
        let token = try await mint(fixture, "ada")
        let states = fixture.states(RevocationView(clock: { fixture.now }))
        var builder = try ExchangeRequestBuilder(fixture)
        builder.path = RouteTable.introspectionPath
        builder.parameters = [("token", token)]
        let answer = try ExchangeAnswer(await states.introspect(builder.request()))
        #expect(
            answer.status == 503 && answer.error == "temporarily_unavailable" && answer.headers["Retry-After"] == "1")
    }

    @Test func whoeverIsCutOffIsNotKnownGetsNothing() async throws {
        let fixture = try await Self.shared.value
        let service = fixture.service(revocations: RevocationView(clock: { fixture.now }))
        let request = try ExchangeRequestBuilder(fixture, user: fixture.userToken("ada")).request()
        let answer = try ExchangeAnswer(await service.respond(to: request))
        #expect(answer.status == 503 && answer.error == "temporarily_unavailable" && answer.token == nil)
        #expect(answer.headers["Retry-After"] == "1")
        let leaves = try fixture.entries().filter { $0.requestID == request.requestID }
        #expect(leaves.map(\.kind) == [.denied] && leaves.first?.reason == "core: its revocations are not known")
    }

    @Test("without our keys nothing is said of a token", arguments: [RouteTable.introspectionPath, "/oauth2/revoke"])
    func keysUnknown(path: String) async throws {
        let fixture = try await Self.shared.value
        let token = try await mint(fixture, "ada")
        let states = fixture.states(fixture.revocations, keys: KeyDirectory(issuer: ExchangeFixture.vault))
        var builder = try ExchangeRequestBuilder(fixture)
        builder.path = path
        builder.parameters = [("token", token)]
        let request = builder.request()
        let response =
            path == RouteTable.introspectionPath ? await states.introspect(request) : await states.revoke(request)
        let answer = try ExchangeAnswer(response)
        #expect(answer.status == 503 && answer.error == "temporarily_unavailable")
        #expect(try fixture.entries().filter { $0.requestID == request.requestID }.map(\.kind) == [.denied])
    }

    // MARK: Revocation

    @Test func aRevokedTokenIsRecordedBeforeTheAnswerAndInactiveForEverybody() async throws {
        let fixture = try await Self.shared.value
        let token = try await mint(fixture, "bea")
        let gateway = try fixture.certificate()
        let answer = try await ask(fixture, RouteTable.revocationPath, token, as: gateway)
        #expect(answer.status == 200 && answer.body.isEmpty)
        let entry = try #require(try fixture.entries().last { $0.requestID == answer.request })
        #expect(entry.kind == .revoked && entry.client == "gateway-mcp" && entry.user?.sub == "bea")
        // A receipt of it, which has its name, may live as long as any key's tokens.
        let last = try #require(entry.iat) + fixture.keys.longestLifetime
        #expect(try last > #require(entry.exp) && entry.until == last + RevocationList.grace)
        #expect(entry.target == "demo-api")
        #expect(try await introspect(fixture, token) == #"{"active":false}"#)
        // Again: 200, and no second leaf.
        let again = try await ask(fixture, RouteTable.revocationPath, token, as: gateway)
        #expect(again.status == 200)
        #expect(try fixture.entries().filter { $0.requestID == again.request }.isEmpty)
        // A front that starts now learns it from the core.
        let view = RevocationView(clock: { fixture.now })
        try await view.replay(fixture.core)
        #expect(view.isRevoked(try #require(entry.jti)))
    }

    @Test func aTokenThatIsInvalidAnywayNeedsNoRevocation() async throws {
        let fixture = try await Self.shared.value
        for token in ["nonsense", try fixture.userToken("bea")] {
            let answer = try await ask(fixture, RouteTable.revocationPath, token, as: fixture.certificate())
            #expect(answer.status == 200 && answer.body.isEmpty)
            #expect(try fixture.entries().filter { $0.requestID == answer.request }.isEmpty)
        }
    }

    @Test func onlyTheClientItWasMintedForRevokesAToken() async throws {
        let fixture = try await Self.shared.value
        let token = try await mint(fixture, "bea")
        let answer = try await ask(fixture, RouteTable.revocationPath, token, as: fixture.certificate(Self.server))
        #expect(answer.status == 400 && answer.body.contains("unauthorized_client"))
        #expect(try await introspect(fixture, token).contains(#""active":true"#))
    }

    @Test func aRevokedTokenIsNoSubjectTokenAnyMore() async throws {
        let fixture = try await Self.shared.value
        var builder = try ExchangeRequestBuilder(fixture, user: fixture.userToken("bea"))
        let token = try #require(try ExchangeAnswer(await fixture.service.respond(to: builder.request())).token)
        builder.set("subject_token", token)
        builder.set("subject_token_type", "urn:ietf:params:oauth:token-type:access_token")
        // The token is accepted; it names no group, so no rule grants it anything.
        #expect(try ExchangeAnswer(await fixture.service.respond(to: builder.request())).error == "access_denied")
        let peer = builder.peer
        #expect(try await ask(fixture, RouteTable.revocationPath, token, as: peer).status == 200)
        let refused = try ExchangeAnswer(await fixture.service.respond(to: builder.request()))
        #expect(refused.status == 400 && refused.error == "invalid_request")
        #expect(try fixture.entries().last?.reason == "subject_token: was revoked")
    }

    // MARK: Cut-offs

    @Test("who is cut off gets nothing, and its tokens count no more", arguments: CutOff.Kind.allCases)
    func cutOff(kind: CutOff.Kind) async throws {
        let fixture = try await ExchangeFixture(
            ExchangeAdditions(
                clients: """
                      - {id: demo-server, auth: tls_client_auth, san_uri: "spiffe://acme.example/demo", introspects: [demo-api]}
                    """))
        let token = try await mint(fixture, "cleo")
        #expect(try await introspect(fixture, token).contains(#""active":true"#))
        var entry = Entry(kind: .cutoff)
        let names: [CutOff.Kind: String] = [
            .user: "cleo", .agent: "sales-assistant", .client: "gateway-mcp", .target: "demo-api",
        ]
        entry.subject = .init(iss: nil, sub: try #require(names[kind]))
        entry.subjectType = kind.rawValue
        entry.until = fixture.now.seconds + 60
        fixture.revocations.note(entry)
        #expect(try await introspect(fixture, token) == #"{"active":false}"#)
        let refused = try await exchange(fixture, user: fixture.userToken("cleo"))
        #expect(refused.status == 400 && refused.error == "access_denied" && refused.token == nil)
        #expect(try fixture.entries().last?.reason == "cut off: the \(kind.rawValue)")
        await fixture.core.shutdown()
    }

    // MARK: Security events

    private func set(
        _ fixture: ExchangeFixture, subject: JSONValue, type: String = event, changing: [JSONObject.Member] = [],
        header: [JSONObject.Member] = []
    ) throws -> [UInt8] {
        let key = try fixture.users.key(.es256)
        var head = key.header
        head["typ"] = "secevent+jwt"
        for member in header { head[member.name] = member.value == .null ? nil : member.value }
        var claims = JSONObject([
            .init(name: "iss", value: "https://caep.acme.example"),
            .init(name: "aud", value: .string(ExchangeFixture.vault)),
            .init(name: "iat", value: .integer(fixture.now.seconds)),
            .init(name: "jti", value: .string(UUID().uuidString)),
            .init(name: "sub_id", value: subject),
            .init(name: "events", value: .object(JSONObject([.init(name: type, value: ["event_timestamp": 1])]))),
        ])
        for member in changing { claims[member.name] = member.value == .null ? nil : member.value }
        return Array(try key.sign(header: head, claims: claims).utf8)
    }

    private func subject(_ user: String, issuer: String = "https://idp.acme.example") -> JSONValue {
        ["format": "iss_sub", "iss": .string(issuer), "sub": .string(user)]
    }

    private func push(_ fixture: ExchangeFixture, _ set: [UInt8]) async -> GatewayResponse {
        await fixture.events.receive(
            GatewayRequest(
                path: RouteTable.eventsPath, bodyBytes: set, contentType: "application/secevent+jwt", peer: nil,
                requestID: UUID().uuidString, remoteAddress: "127.0.0.1", deadline: .now + .seconds(10)))
    }

    @Test("an ended session stops the user at once, and a later one goes on", arguments: [false, true])
    func sessionRevoked(isComplex: Bool) async throws {
        let fixture = try await Self.shared.value
        let user = isComplex ? "dora" : "emma"
        let (minted, old) = (try await mint(fixture, user), try fixture.userToken(user))
        let plain = subject(user)
        let set = try set(
            fixture,
            subject: isComplex
                ? ["format": "complex", "user": plain, "session": ["format": "opaque", "id": "1"]] : plain)
        let answer = await push(fixture, set)
        #expect(answer.status == 202 && answer.body.isEmpty)
        #expect(try await introspect(fixture, minted) == #"{"active":false}"#)
        #expect(try await exchange(fixture, user: old).error == "access_denied")
        let count = try fixture.entries().count
        // The same event again is acknowledged and changes nothing (RFC 8935 section 2.2).
        #expect(await push(fixture, set).status == 202)
        #expect(try fixture.entries().count == count)
        let entry = try #require(try fixture.entries().last { $0.kind == .cutoff })
        #expect(entry.subject == .init(iss: "https://idp.acme.example", sub: user) && entry.operator == nil)
        let later = try fixture.userToken(
            user, changing: [.init(name: "iat", value: .integer(fixture.now.seconds + 5))])
        #expect(try await exchange(fixture, user: later).status == 200)
        let other = try await exchange(fixture, user: fixture.userToken("somebody-else"))
        #expect(other.status == 200)
    }

    @Test func whatTheFrontHasNotHeardOfYetTheCoreRefuses() async throws {
        let fixture = try await Self.shared.value
        let builder = try ExchangeRequestBuilder(fixture, user: fixture.userToken("ines"))
        #expect(await push(fixture, try set(fixture, subject: subject("ines"))).status == 202)
        let deaf = fixture.service(revocations: RevocationView(clock: { fixture.now }, isCurrent: true))
        let answer = try ExchangeAnswer(await deaf.respond(to: builder.request()))
        #expect(answer.error == "access_denied" && answer.token == nil)
    }

    @Test func anEventAboutWhatIsLongOverIsAcknowledgedAndNotRecorded() async throws {
        let fixture = try await Self.shared.value
        let count = try fixture.entries().count
        // Tokens of that session, and ours made with them, have ended long ago: who sends it now would end later ones.
        let old = JSONObject.Member(name: "iat", value: .integer(fixture.now.seconds - 20 * 3600))
        let set = try set(fixture, subject: subject("ida"), changing: [old])
        #expect(await push(fixture, set).status == 202)
        #expect(try fixture.entries().count == count)
        #expect(try await exchange(fixture, user: fixture.userToken("ida")).status == 200)
    }

    @Test func anEndedSessionStopsWhatItsUserActsInToo() async throws {
        let fixture = try await Self.shared.value
        // gus acts for hal: his session ends, hers does not.
        let act = JSONObject.Member(name: "act", value: ["iss": "https://idp.acme.example", "sub": "gus"])
        let acting = try fixture.userToken("hal", changing: [act])
        let minted = try #require(try await exchange(fixture, user: acting).token)
        #expect(try await introspect(fixture, minted).contains(#""active":true"#))
        #expect(await push(fixture, try set(fixture, subject: subject("gus"))).status == 202)
        #expect(try await introspect(fixture, minted) == #"{"active":false}"#)
        #expect(try await exchange(fixture, user: acting).error == "access_denied")
        #expect(try fixture.entries().last?.reason == "cut off: the user")
        // Of another issuer's gus, and of hal by herself, nothing was said.
        let other = JSONObject.Member(name: "act", value: ["iss": "https://agents.acme.example", "sub": "gus"])
        #expect(try await exchange(fixture, user: fixture.userToken("hal", changing: [other])).status == 200)
        #expect(try await exchange(fixture, user: fixture.userToken("hal")).status == 200)
    }

    @Test func aTypeThatIsNotFollowedIsAcknowledgedAndNotRecorded() async throws {
        let fixture = try await Self.shared.value
        let count = try fixture.entries().count
        let type = "https://schemas.openid.net/secevent/ssf/event-type/verification"
        #expect(await push(fixture, try set(fixture, subject: subject("fay"), type: type)).status == 202)
        #expect(try fixture.entries().count == count)
    }

    @Test("a token that is not to be believed is refused by its code", arguments: EventFault.all)
    func badEvents(fault: EventFault) async throws {
        let fixture = try await Self.shared.value
        let count = try fixture.entries().count
        let now = fixture.now.seconds
        var bytes = try set(
            fixture, subject: fault.subject ?? subject("fay"), changing: fault.claims(now), header: fault.header)
        if fault.isAltered { bytes[bytes.count - 10] = bytes[bytes.count - 10] == 65 ? 66 : 65 }
        if let raw = fault.raw { bytes = Array(raw.utf8) }
        let answer = try ExchangeAnswer(await push(fixture, bytes))
        #expect(answer.status == 400 && answer.body["err"] == .string(fault.code))
        #expect(answer.body["description"]?.string?.isEmpty == false)
        #expect(try fixture.entries().count == count)
        #expect(try await exchange(fixture, user: fixture.userToken("fay")).status == 200)
    }
}

extension ExchangeFixture {
    var states: TokenStateService { states(revocations) }

    func states(_ view: RevocationView, keys other: KeyDirectory? = nil) -> TokenStateService {
        TokenStateService(
            core: core, keys: other ?? keys, bundles: service.bundles, authenticator: service.authenticator,
            revocations: view,
            metrics: RevocationMetrics(MetricsRegistry(), view), refusals: service.refusals, clock: service.clock)
    }

    var events: SecurityEventReceiver {
        SecurityEventReceiver(
            core: core, keys: keys, bundles: service.bundles, revocations: revocations,
            metrics: RevocationMetrics(MetricsRegistry(), revocations),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, refusals: service.refusals,
            clock: service.clock)
    }
}
