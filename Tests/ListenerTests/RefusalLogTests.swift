import Logging
import Synchronization
import Testing

@testable import VaultAppliance

/// What is said of refusals, of which anybody can make any number.
@Suite(.timeLimit(.minutes(1))) struct RefusalLogTests {
    @Test func aFloodIsAFewLinesAndACountAndAnotherKindHasItsOwn() async throws {
        let lines = Lines()
        let log = RefusalLog(lines.logger, window: .milliseconds(300))
        for number in 0..<3000 {
            log.refused("refused an exchange", requestID: "\(number)", code: "invalid_client", reason: "no certificate")
        }
        log.refused("refused an exchange", requestID: "other", code: "access_denied", reason: "policy")
        #expect(lines.all.count == RefusalLog.maximumLines + 1)
        #expect(lines.all.last?.contains("other") == true && lines.all[0].contains("no certificate"))
        while lines.all.count < RefusalLog.maximumLines + 2 { try await Task.sleep(for: .milliseconds(10)) }
        #expect(lines.all.last?.contains("\(3000 - RefusalLog.maximumLines)") == true)
        log.refused("refused an exchange", requestID: "later", code: "invalid_client", reason: "no certificate")
        #expect(lines.all.last?.contains("later") == true)
    }

    @Test("the id of an answer that no service gave is in the log", arguments: ["?a=b", ""])
    func listenersOwn(query: String) async throws {
        let lines = Lines()
        var environment = TestServer.environment()
        environment.logger = lines.logger
        let listener = try Listener(
            name: "test", settings: ListenerSettings(host: "127.0.0.1", port: 0, limits: ListenerLimits()),
            transport: .plain, routes: .echo, environment: environment)
        try await TestServer.running(listener) {
            let connection = try await TestConnection.open(port: try await TestServer.opened(listener))
            let answer =
                query.isEmpty
                ? try await connection.get("/nowhere") : try await connection.post("/token" + query)
            let id = try #require(answer.fields["x-request-id"])
            #expect(lines.all.contains { $0.contains("refused a request") && $0.contains(id) })
        }
    }
}

/// What a logger was told.
private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    private struct Handler: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            lines.lines.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") }
        }
    }
}
