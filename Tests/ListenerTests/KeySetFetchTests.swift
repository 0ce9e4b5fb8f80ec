import Foundation
import HTTPTypes
import HummingbirdCore
import Minting
import NIOCore
import NIOPosix
import NIOSSL
import StrictEncoding
import Synchronization
import Testing
import X509

@testable import VaultAppliance

/// Key sets from a real TLS server that answers well, badly and not at all.
@Suite(.serialized) struct KeySetFetchTests {
    /// What the server answers next, and how often it was asked.
    private final class Answer: Sendable {
        struct Value: Sendable {
            var status = 200
            var type: String? = "application/jwk-set+json"
            var body = KeySetFetchTests.keys("one")
            var delay = Duration.zero
            /// The pause before each byte of the body.
            var drip: Duration?
        }
        let value: Mutex<Value>
        let requests = Mutex(0)

        init(_ value: Value = Value()) { self.value = Mutex(value) }

        func set(_ change: (inout Value) -> Void) { value.withLock { change(&$0) } }
    }

    static func keys(_ kid: String) -> String {
        let x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
        let y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
        return #"{"keys":[{"kty":"EC","crv":"P-256","kid":"\#(kid)","x":"\#(x)","y":"\#(y)","alg":"ES256"}]}"#
    }

    private struct Party {
        let tls: TestTLS
        let certificate: TestAuthority.Credential
        let chainFile: String

        init() throws {
            tls = try TestTLS()
            certificate = try tls.authority.issue(
                .init(commonName: "idp", names: [.dnsName("localhost")], usage: [.serverAuth]), key: tls.key)
            chainFile = try tls.directory.write("idp.pem", try certificate.pem)
        }

        func transport() throws -> Listener.Transport {
            let identity = try TLSIdentity(chainFile: chainFile, keys: [tls.hsmKey()], now: .now)
            return .tls { identity }
        }

        var authorities: [UInt8] { get throws { Array(try tls.authority.pem.utf8) } }
    }

    private func routes(_ answer: Answer) -> RouteTable {
        var table = RouteTable()
        table.on("/jwks", [.get]) { _, _ throws(Refusal) in
            answer.requests.withLock { $0 += 1 }
            let value = answer.value.withLock { $0 }
            let end = ContinuousClock.now + value.delay
            while .now < end, answer.value.withLock({ $0.delay > .zero }) {
                try? await Task.sleep(for: .milliseconds(20))
            }
            var fields: HTTPFields = [:]
            fields[.contentType] = value.type
            if value.status == 302 { fields[.location] = "/elsewhere" }
            if let drip = value.drip {
                let body = ResponseBody { writer in
                    for byte in Array(value.body.utf8) {
                        try await Task.sleep(for: drip)
                        try await writer.write(ByteBuffer(bytes: [byte]))
                    }
                    try await writer.finish(nil)
                }
                return Response(status: .init(code: value.status), headers: fields, body: body)
            }
            return Response(
                status: .init(code: value.status), headers: fields,
                body: ResponseBody(byteBuffer: ByteBuffer(string: value.body)))
        }
        table.on("/elsewhere", [.get]) { _, _ throws(Refusal) in
            Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: Self.keys("elsewhere"))))
        }
        return table
    }

    private func identity(
        port: Int, _ authorities: [UInt8]?, host: String = "localhost", scheme: String = "https"
    ) -> RemoteKeySet.Identity {
        RemoteKeySet.Identity(
            owner: .issuer("corp"),
            location: .init(
                uri: "\(scheme)://\(host):\(port)/jwks", authoritiesFile: "ca.pem", refresh: 3600,
                maximumStaleness: 7200),
            authorities: authorities, algorithms: [.es256])
    }

    /// Runs a set while a closure does.
    private func running(
        _ set: RemoteKeySet, _ body: () async throws -> Void, clock: @escaping @Sendable () -> UnixTime = { .now }
    ) async throws {
        let task = Task {
            await set.run(
                group: MultiThreadedEventLoopGroup.singleton, logger: TestServer.environment().logger, clock: clock)
        }
        defer { set.stop() }
        do {
            try await body()
        } catch {
            set.stop()
            await task.value
            throw error
        }
        set.stop()
        await task.value
    }

    private func wait(_ condition: () -> Bool) async throws {
        for _ in 0..<12_000 where !condition() { try await Task.sleep(for: .milliseconds(5)) }
        #expect(condition())
    }

    /// The fault of one fetch; nil when the keys came.
    private func fault(
        _ answer: Answer, patience: Duration = .seconds(60), _ change: (inout RemoteKeySet.Identity) -> Void = { _ in }
    ) async throws -> String? {
        let party = try Party()
        return try await TestServer.run(routes(answer), transport: try party.transport()) { server in
            var identity = identity(port: server.port, try party.authorities)
            change(&identity)
            let set = RemoteKeySet(
                identity, schedule: RefreshSchedule(refresh: .seconds(3600), patience: patience))
            try await running(set) { try await wait { set.status.successes + set.status.failures > 0 } }
            #expect((set.keys.usable(at: .now) != nil) == (set.status.fault == nil))
            return set.status.fault
        }
    }

    @Test func aGoodAnswerIsInForce() async throws {
        #expect(try await fault(Answer()) == nil)
        #expect(try await fault(Answer(.init(type: "application/json; charset=utf-8"))) == nil)
    }

    @Test(
        "an answer that is not exactly a key set is refused",
        arguments: [
            (302, "application/json", nil, "answered 302"), (404, "application/json", nil, "answered 404"),
            (201, "application/json", nil, "answered 201"), (200, "text/html", nil, "content type"),
            (200, "text/json", nil, "content type"), (200, nil, nil, "content type"),
            (200, "application/json", "not json", "no usable key set"),
            (200, "application/json", #"{"keys":[]}"#, "no usable key set"),
            (200, "application/json", #"{"keys":[],"keys":[]}"#, "no usable key set"),
            (
                200, "application/json",
                KeySetFetchTests.keys("one").replacing("\"kid\"", with: "\"d\":\"AA\",\"kid\""), "private"
            ),
            (200, "application/json", String(repeating: " ", count: 262_145), "too large"),
        ] as [(Int, String?, String?, String)])
    func badAnswers(status: Int, type: String?, body: String?, words: String) async throws {
        let answer = Answer()
        answer.set {
            $0.status = status
            $0.type = type
            if let body { $0.body = body }
        }
        let fault = try await fault(answer)
        #expect(fault?.contains(words) == true, "\(fault ?? "none")")
    }

    @Test func aHostThatDoesNotProveItselfIsNotAsked() async throws {
        let answer = Answer()
        let other = Array(try TestAuthority("Other CA").pem.utf8)
        let stranger = try await fault(answer, patience: .seconds(1)) { $0 = identity(port: Self.port($0), other) }
        #expect(stranger?.contains("not reachable") == true, "\(stranger ?? "")")
        let system = try await fault(answer, patience: .seconds(1)) { $0 = identity(port: Self.port($0), nil) }
        #expect(system?.contains("not reachable") == true)
        // The certificate is for localhost and no address.
        let named = try await fault(answer, patience: .seconds(1)) {
            $0 = identity(port: Self.port($0), $0.authorities, host: "127.0.0.1")
        }
        #expect(named?.contains("not reachable") == true)
        #expect(answer.requests.withLock { $0 } == 0)
    }

    private static func port(_ identity: RemoteKeySet.Identity) -> Int {
        URL(string: identity.location.uri)?.port ?? 0
    }

    @Test func anAnswerThatDoesNotComeIsGivenUp() async throws {
        let (answer, party) = (Answer(), try Party())
        answer.set { $0.delay = .seconds(60) }
        try await TestServer.run(routes(answer), transport: try party.transport()) { server in
            let schedule = RefreshSchedule(refresh: .seconds(3600), patience: .seconds(1))
            let set = RemoteKeySet(identity(port: server.port, try party.authorities), schedule: schedule)
            try await running(set) {
                // The server does answer in the end, and well: a failure is that nobody waited for it.
                try await wait { set.status.failures + set.status.successes > 0 }
                #expect(set.status.fault?.contains("not reachable") == true)
                answer.set { $0.delay = .zero }
            }
        }
    }

    @Test func anAnswerThatComesAByteAtATimeIsGivenUpAndTheNextOneIsAskedFor() async throws {
        let (answer, party) = (Answer(), try Party())
        answer.set { $0.drip = .milliseconds(200) }
        try await TestServer.run(routes(answer), transport: try party.transport()) { server in
            let schedule = RefreshSchedule(
                refresh: .seconds(3600), patience: .seconds(3), backoff: .milliseconds(20))
            let set = RemoteKeySet(identity(port: server.port, try party.authorities), schedule: schedule)
            try await running(set) {
                // Whole it would come after half a minute: that is not waited for.
                let began = ContinuousClock.now
                try await wait { set.status.failures > 0 }
                #expect(ContinuousClock.now - began < .seconds(20))
                #expect(set.status.successes == 0 && set.status.fault?.contains("not reachable") == true)
                answer.set { $0.drip = nil }
                try await wait { set.status.successes > 0 }
            }
        }
    }

    @Test func aBadAnswerLeavesTheOldKeysInForceUntilTheyAreTooOld() async throws {
        let (answer, party) = (Answer(), try Party())
        try await TestServer.run(routes(answer), transport: try party.transport()) { server in
            let schedule = RefreshSchedule(
                refresh: .milliseconds(50), interval: .milliseconds(1), backoff: .milliseconds(50))
            let set = RemoteKeySet(identity(port: server.port, try party.authorities), schedule: schedule)
            try await running(set) {
                try await wait { set.status.successes > 0 }
                answer.set { $0.status = 500 }
                try await wait { set.status.failures > 1 }
                let now = UnixTime.now
                #expect(set.keys.usable(at: now)?.key(kid: "one") != nil)
                #expect(set.keys.usable(at: now.adding(seconds: 7190)) != nil)
                #expect(set.keys.usable(at: now.adding(seconds: 7210)) == nil)
                answer.set {
                    $0.status = 200
                    $0.body = Self.keys("two")
                }
                try await wait { set.keys.usable(at: .now)?.key(kid: "two") != nil }
                #expect(set.keys.usable(at: .now)?.key(kid: "one") == nil)
                #expect(set.status.fault == nil)
            }
        }
    }

    @Test func missedKeysAreFetchedForOnceAnInterval() async throws {
        let (answer, party) = (Answer(), try Party())
        try await TestServer.run(routes(answer), transport: try party.transport()) { server in
            let schedule = RefreshSchedule(refresh: .seconds(3600), interval: .milliseconds(400))
            let set = RemoteKeySet(identity(port: server.port, try party.authorities), schedule: schedule)
            try await running(set) {
                try await wait { set.status.successes == 1 }
                answer.set { $0.body = Self.keys("two") }
                let began = ContinuousClock.now
                for _ in 0..<100 {
                    set.keys.wasMissed()
                    try await Task.sleep(for: .milliseconds(10))
                }
                try await wait { set.keys.usable(at: .now)?.key(kid: "two") != nil }
                let requests = answer.requests.withLock { $0 }
                let intervals = Int((ContinuousClock.now - began) / .milliseconds(400)) + 1
                #expect(requests <= 1 + intervals && requests >= 2)
            }
        }
    }

    @Test func aSetThatCouldNotBeFetchedAtTheStartComesWhenItCan() async throws {
        let answer = Answer(.init(status: 503))
        let party = try Party()
        try await TestServer.run(routes(answer), transport: try party.transport()) { server in
            let schedule = RefreshSchedule(refresh: .seconds(3600), interval: .seconds(30), backoff: .milliseconds(20))
            let set = RemoteKeySet(identity(port: server.port, try party.authorities), schedule: schedule)
            try await running(set) {
                try await wait { set.status.failures > 2 }
                #expect(set.keys.usable(at: .now) == nil)
                answer.set { $0.status = 200 }
                try await wait { set.keys.usable(at: .now) != nil }
            }
        }
    }

    @Test func pausesGrowWithFailuresAndDiffer() {
        let schedule = RefreshSchedule(refresh: .seconds(300))
        #expect(schedule.pause(afterFailures: 0, jitter: 0) == .seconds(300))
        #expect(schedule.pause(afterFailures: 0, jitter: 1) == .seconds(240))
        #expect(
            (1...6).map { schedule.pause(afterFailures: $0, jitter: 0) } == [1, 2, 4, 8, 16, 32].map { .seconds($0) })
        #expect(schedule.pause(afterFailures: 60, jitter: 0) == .seconds(300))
    }

    @Test func aReloadKeepsTheKeysOfWhatStaysAndEndsWhatGoes() async throws {
        let (answer, party) = (Answer(), try Party())
        try await TestServer.run(routes(answer), transport: try party.transport()) { server in
            let sets = RemoteKeySets(
                group: MultiThreadedEventLoopGroup.singleton, logger: TestServer.environment().logger, clock: { .now })
            let identity = identity(port: server.port, try party.authorities)
            let metrics = MetricsRegistry()
            try await TestServer.running(sets) {
                let first = sets.set(identity)
                sets.use(RemoteKeySetList(sets: [first]))
                sets.register(in: metrics)
                try await wait { first.status.successes == 1 }
                #expect(sets.set(identity) === first)
                sets.use(RemoteKeySetList(sets: [sets.set(identity)]))
                let report = sets.report(now: .now)?.array?.first?.object
                #expect(report?["owner"] == "issuer corp")
                #expect(report?["usable"] == true)
                let text = String(decoding: metrics.exposition(), as: UTF8.self)
                #expect(text.contains(#"vault_jwks_usable{kind="issuer",name="corp"} 1"#))
                sets.use(RemoteKeySetList(sets: []))
                #expect(sets.report(now: .now) == nil)
                #expect(sets.set(identity) !== first)
            }
        }
    }
}
