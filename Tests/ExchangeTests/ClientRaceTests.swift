import AuditLog
import Minting
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultAppliance

/// One assertion or proof sent many times at once through the whole exchange; a full cache; the start; the clocks.
@Suite(.serialized) struct ClientRaceTests {
    /// A core of its own: what is refused here uses up the budget of leaves for refusals without a client.
    private static let shared = Task { try await ExchangeFixture() }

    private func answers(_ request: GatewayRequest) async throws -> [ExchangeAnswer] {
        let service = try await Self.shared.value.service
        let responses = await withTaskGroup(of: GatewayResponse.self) { tasks in
            for index in 0..<16 {
                tasks.addTask {
                    var copy = request
                    copy.requestID = String(request.requestID.dropLast(2)) + (index < 10 ? "0" : "") + "\(index)"
                    return await service.respond(to: copy)
                }
            }
            return await tasks.reduce(into: []) { $0.append($1) }
        }
        return try responses.map { try ExchangeAnswer($0) }
    }

    @Test("of sixteen requests with one assertion or proof one is granted", arguments: [true, false])
    func onceAtOnce(usesAssertion: Bool) async throws {
        let fixture = try await Self.shared.value
        for _ in 0..<10 {
            var builder = try ExchangeRequestBuilder(fixture)
            if usesAssertion { try builder.authenticate(fixture) } else { try builder.prove(fixture) }
            let answers = try await answers(builder.request())
            #expect(answers.filter { $0.status == 200 }.count == 1)
            let code = usesAssertion ? "invalid_client" : "invalid_dpop_proof"
            #expect(answers.filter { $0.error == code }.count == 15)
        }
    }

    private func authenticate(
        _ builder: ExchangeRequestBuilder, _ authenticator: ClientAuthenticator, now: UnixTime
    ) async throws -> ExchangeRefusal? {
        let fixture = try await Self.shared.value
        let request = builder.request()
        do throws(ExchangeRefusal) {
            guard let form = try? FormParameters(parsing: request.bodyBytes) else { return nil }
            _ = try authenticator.authenticate(request, form, in: fixture.service.bundles.current.clients, now: now)
            return nil
        } catch {
            return error
        }
    }

    private func authenticator(started: UnixTime, replayEntries: Int = 1000) throws -> ClientAuthenticator {
        try ClientAuthenticator(
            issuer: ExchangeFixture.vault, externalURL: "https://vault.acme.example:8443", started: started,
            replayEntries: replayEntries, metrics: MetricsRegistry())
    }

    @Test func aFullCacheIsAnsweredAsUnavailableWithATrueRetryAfter() async throws {
        let fixture = try await Self.shared.value
        let now = fixture.now
        let authenticator = try authenticator(started: now.adding(seconds: -3600), replayEntries: 1)
        var builder = try ExchangeRequestBuilder(fixture)
        try builder.authenticate(fixture, assertion: try fixture.gateway.assertion(now: now))
        #expect(try await authenticate(builder, authenticator, now: now) == nil)
        try builder.authenticate(fixture, assertion: try fixture.gateway.assertion(now: now))
        let refusal = try #require(try await authenticate(builder, authenticator, now: now))
        #expect(refusal.status == 503)
        #expect(refusal.error.code == .temporarilyUnavailable)
        // 60 s of life, 60 s of the largest skew, and the second after.
        #expect(refusal.retryAfter == 121)
        #expect(try await authenticate(builder, authenticator, now: now.adding(seconds: 121))?.status == 401)
    }

    @Test func aUsedAssertionIsRememberedAsLongAsAnySkewCouldAllowIt() async throws {
        let fixture = try await Self.shared.value
        let now = fixture.now
        let authenticator = try authenticator(started: now.adding(seconds: -3600))
        var builder = try ExchangeRequestBuilder(fixture)
        try builder.authenticate(fixture, assertion: try fixture.gateway.assertion(now: now))
        #expect(try await authenticate(builder, authenticator, now: now) == nil)
        for (second, count) in [(Int64(120), 2), (121, 2)] {
            _ = authenticator.replays.consume(
                .init(.proof, issuer: "other", identifier: "\(second)"), of: "other",
                acceptableUntil: now.seconds + 999,
                now: now.adding(seconds: second))
            #expect(authenticator.replays.count == count)
        }
    }

    @Test func theFillOfTheReplayCacheAndWhatItRefusesAreMetrics() async throws {
        let fixture = try await Self.shared.value
        let (now, metrics) = (fixture.now, MetricsRegistry())
        let authenticator = try ClientAuthenticator(
            issuer: ExchangeFixture.vault, externalURL: "https://vault.acme.example:8443",
            started: now.adding(seconds: -3600), replayEntries: 1, metrics: metrics)
        func sample(_ name: String) -> String? {
            String(decoding: metrics.exposition(), as: UTF8.self).split(separator: "\n")
                .first { $0.hasPrefix(name + " ") }.map { String($0.dropFirst(name.utf8.count + 1)) }
        }
        let names =
            ["entries", "capacity", "full_total"].map { "vault_replay_cache_\($0)" }
            + ["vault_replays_refused_total"]
        #expect(names.map(sample) == ["0", "1", "0", "0"])
        var builder = try ExchangeRequestBuilder(fixture)
        try builder.authenticate(fixture, assertion: try fixture.gateway.assertion(now: now))
        #expect(try await authenticate(builder, authenticator, now: now) == nil)
        #expect(names.map(sample) == ["1", "1", "0", "0"])
        #expect(try await authenticate(builder, authenticator, now: now)?.status == 401)
        #expect(names.map(sample) == ["1", "1", "0", "1"])
        try builder.authenticate(fixture, assertion: try fixture.gateway.assertion(now: now))
        #expect(try await authenticate(builder, authenticator, now: now)?.status == 503)
        #expect(names.map(sample) == ["1", "1", "1", "1"])
    }

    @Test(
        "what could have been used before the start is refused",
        arguments: [
            (-1, 0, 503), (0, 0, 503), (9, 9, 503), (10, 10, 503), (10, 11, 503), (11, 11, nil), (-1, 11, 401),
            (10, 16, 401),
            (9, 30, 401),
        ] as [(Int64, Int64, Int?)])
    func cutOff(issuedAt: Int64, at: Int64, status: Int?) async throws {
        let fixture = try await Self.shared.value
        let start = UnixTime(seconds: 1_764_000_000)
        // Nearly a second later: what a client ten seconds ahead made before it may say 1_764_000_010.
        let authenticator = try authenticator(started: UnixTime(milliseconds: start.milliseconds + 900))
        var builder = try ExchangeRequestBuilder(fixture)
        let assertion = try fixture.gateway.assertion(now: start.adding(seconds: issuedAt))
        try builder.authenticate(fixture, assertion: assertion)
        let refusal = try await authenticate(builder, authenticator, now: start.adding(seconds: at))
        #expect(refusal?.status == status)
        if status == 503 { #expect(refusal?.retryAfter == Int(max(1, 11 - at))) }
        if status != nil { #expect(refusal?.reason.hasPrefix("client_assertion: was issued before") == true) }
    }

    @Test func aProofFromBeforeARestartHasNoNonceOfTheNewProcess() async throws {
        let fixture = try await Self.shared.value
        let start = UnixTime(seconds: 1_764_000_000)
        let before = try authenticator(started: start)
        var builder = try ExchangeRequestBuilder(fixture)
        builder.dpop = ["asks for one"]
        let answer = before.finished(.init(status: 200, body: []), for: builder.request(), now: start)
        let nonce = try #require(answer.headers.first { $0.0 == "DPoP-Nonce" }).1
        builder.peer = try fixture.certificate(madeAt: start)
        builder.dpop = [try fixture.gateway.proof(now: start, nonce: nonce)]
        #expect(try await authenticate(builder, before, now: start) == nil)
        let after = try authenticator(started: start)
        #expect(try await authenticate(builder, after, now: start)?.error.code == .useDPoPNonce)
    }

    @Test(
        "the core signs what the front's clock says within its own bounds alone",
        arguments: [(1, 200), (3, 500), (-8, 200), (-13, 500)] as [(Int64, Int)])
    func clocks(offset: Int64, status: Int) async throws {
        let fixture = try await Self.shared.value
        let shifted = fixture.service(clockOffset: offset)
        let now = fixture.now.adding(seconds: offset)
        let user = try fixture.users.userToken(
            subject: "alice", groups: ["sales"], now: now.adding(seconds: -1), jwtID: "clock-user")
        let agent = try fixture.agents.agentToken(
            subject: "sales-assistant", now: now.adding(seconds: -1), jwtID: "clock-agent")
        let request = try ExchangeRequestBuilder(fixture, user: user, agent: agent).request()
        let answer = try ExchangeAnswer(await shifted.respond(to: request))
        #expect(answer.status == status)
        let leaves = try fixture.entries().filter { $0.requestID == request.requestID }
        #expect(leaves.map(\.kind) == [status == 200 ? .mint : .denied])
    }

    @Test(
        "an issuer's skew is allowed at its bound and not a second beyond",
        arguments: [
            ("exp", -29, 400, "expires too soon"), ("exp", -31, 400, "not accepted"), ("nbf", 29, 200, ""),
            ("nbf", 33, 400, "not accepted"), ("iat", 29, 200, ""), ("iat", 33, 400, "not accepted"),
        ] as [(String, Int64, Int, String)])
    func inboundSkew(claim: String, offset: Int64, status: Int, words: String) async throws {
        let fixture = try await Self.shared.value
        let value = JSONValue.integer(fixture.now.seconds + offset)
        let user = try fixture.userToken(changing: [.init(name: claim, value: value)])
        let answer = try ExchangeAnswer(
            await fixture.service.respond(to: try ExchangeRequestBuilder(fixture, user: user).request()))
        #expect(answer.status == status)
        #expect(answer.body["error_description"]?.string?.contains(words) ?? words.isEmpty)
    }
}
