import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOHTTPTypes
import Synchronization
import Testing

@testable import VaultAppliance

/// Bounds on size and time.
@Suite(.timeLimit(.minutes(10))) struct RequestBoundsTests {
    /// Routes that count the requests which reached the service.
    private func counting() -> (RouteTable, SharedCount) {
        let count = SharedCount()
        let routes = RouteTable.gateway { request in
            count.mutex.withLock { $0 += 1 }
            return GatewayResponse(status: 200, body: Array("\(request.bodyBytes.count)".utf8))
        }
        return (routes, count)
    }

    private func limits() -> ListenerLimits {
        var limits = ListenerLimits()
        limits.requestBytes = 100
        limits.headerBytes = 1000
        limits.headerFields = 10
        return limits
    }

    private let head = "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"

    @Test("a body above the limit is 413 and the connection ends", arguments: ["declared", "chunked"])
    func largeBodies(_ kind: String) async throws {
        let (routes, count) = counting()
        try await TestServer.run(routes, limits: limits()) { server in
            let body = String(repeating: "a", count: 101)
            let connection = try await TestConnection.open(port: server.port)
            try await connection.send(
                kind == "declared"
                    ? head + "Content-Length: 101\r\n\r\n" + body
                    : head + "Transfer-Encoding: chunked\r\n\r\n65\r\n" + body + "\r\n0\r\n\r\n")
            let answer = try await connection.answer()
            #expect(answer.status == 413)
            #expect(answer.body.contains("invalid_request"))
            #expect(answer.fields["connection"] == "close")
            #expect(await connection.rest() == "")
        }
        #expect(count.value == 0)
    }

    @Test func aBodyThatIsDeclaredTooLargeIsRefusedBeforeItIsSent() async throws {
        let (routes, _) = counting()
        try await TestServer.run(routes, limits: limits()) { server in
            let connection = try await TestConnection.open(port: server.port)
            try await connection.send(head + "Content-Length: 99999999999\r\n\r\n")
            #expect(try await connection.answer().status == 413)
        }
    }

    @Test func aBodyAtTheLimitIsAccepted() async throws {
        let (routes, _) = counting()
        try await TestServer.run(routes, limits: limits()) { server in
            let connection = try await TestConnection.open(port: server.port)
            #expect(try await connection.post("/token", String(repeating: "a", count: 100)).body == "100")
            try await connection.send(head + "Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n2\r\n&c\r\n0\r\n\r\n")
            #expect(try await connection.answer().body == "5")
        }
    }

    @Test(
        "bodies cut short never reach the service",
        arguments: ["Content-Length: 50\r\n\r\na=b", "Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n"])
    func truncatedBodies(_ rest: String) async throws {
        let (routes, count) = counting()
        try await TestServer.run(routes, limits: limits()) { server in
            let connection = try await TestConnection.open(port: server.port)
            try await connection.send(head + rest)
            try await connection.finishSending()
            #expect(!(await connection.rest()).contains("200 OK"))
            let gone = try await TestConnection.open(port: server.port)
            try await gone.send(head + rest)
            gone.close()
            #expect(try await TestConnection.open(port: server.port).post("/token").status == 200)
        }
        // The server has drained all connections: what was to reach the service has.
        #expect(count.value == 1)
    }

    @Test(
        "headers beyond the bounds are 431",
        arguments: [
            "X: " + String(repeating: "a", count: 1000) + "\r\n", String(repeating: "X: a\r\n", count: 11),
        ])
    func largeHeaders(_ fields: String) async throws {
        let (routes, count) = counting()
        try await TestServer.run(routes, limits: limits()) { server in
            let connection = try await TestConnection.open(port: server.port)
            try await connection.send(head + fields + "Content-Length: 3\r\n\r\na=b")
            let answer = try await connection.answer()
            #expect(answer.status == 431)
            #expect(answer.fields["content-type"] == "application/json")
            #expect(await connection.rest() == "")
        }
        #expect(count.value == 0)
    }

    @Test func aTargetBeyondTheBoundsIsRefused() async throws {
        let (routes, _) = counting()
        try await TestServer.run(routes, limits: limits()) { server in
            let connection = try await TestConnection.open(port: server.port)
            try await connection.send("GET /\(String(repeating: "a", count: 2000)) HTTP/1.1\r\n")
            #expect(try await connection.answer().status == 431)
        }
    }

    @Test(
        "bytes that are no HTTP are 400 and the connection ends",
        arguments: [
            "hello\r\n\r\n", "GET /token HTTP/9.9\r\n\r\n", "FOO /token HTTP/1.1\r\nHost: x\r\n\r\n",
            "POST /token HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST /token HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\na=bc",
            "GET /token HTTP/1.1\r\nA b: c\r\n\r\n",
        ])
    func malformed(_ bytes: String) async throws {
        let (routes, count) = counting()
        try await TestServer.run(routes, limits: limits()) { server in
            let connection = try await TestConnection.open(port: server.port)
            try await connection.send(bytes)
            let answer = try await connection.answer()
            #expect(answer.status == 400)
            #expect(answer.body.contains("invalid_request"))
            #expect(await connection.rest() == "")
        }
        #expect(count.value == 0)
    }

    @Test func aRequestThatDoesNotArriveIs408() async throws {
        let (routes, count) = counting()
        var limits = limits()
        limits.requestTimeout = .milliseconds(50)
        try await TestServer.run(routes, limits: limits) { [limits] server in
            #expect(limits.idleTimeout > .seconds(1))
            let connection = try await TestConnection.open(port: server.port)
            try await connection.send(head + "Content-Length: 50\r\n\r\na=b")
            let answer = try await connection.answer()
            #expect(answer.status == 408)
            #expect(await connection.rest() == "")
        }
        #expect(count.value == 0)
    }

    @Test func aRequestThatIsNotAnsweredIs503AndItsLateAnswerGoesNowhere() async throws {
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        let routes = RouteTable.gateway { _ in
            for await _ in released {}
            return GatewayResponse(status: 200, body: Array("late".utf8))
        }
        var limits = limits()
        limits.requestTimeout = .milliseconds(50)
        try await TestServer.run(routes, limits: limits) { server in
            let connection = try await TestConnection.open(port: server.port)
            let answer = try await connection.post("/token")
            #expect(answer.status == 503)
            #expect(answer.fields["retry-after"] == "1")
            release.finish()
            #expect(await connection.rest() == "")
        }
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        let (routes, _) = counting()
        try await TestServer.run(routes, limits: limits()) { server in
            let connection = try await TestConnection.open(port: server.port)
            let bodies = ["a", "ab", "abc", "abcd"]
            try await connection.send(
                bodies.map { head + "Content-Length: \($0.utf8.count)\r\n\r\n\($0)" }.joined())
            for body in bodies { #expect(try await connection.answer().body == "\(body.count)") }
        }
    }

    /// In virtual time: a steady stream of requests is no time-out, however long it lasts.
    @Test func eachRequestHasItsOwnTime() throws {
        let channel = EmbeddedChannel(handler: RequestGuard(timeout: .seconds(10)))
        let request = HTTPRequest(method: .get, scheme: nil, authority: nil, path: "/")
        for _ in 0..<5 {
            try channel.writeInbound(HTTPRequestPart.head(request))
            try channel.writeInbound(HTTPRequestPart.end(nil))
            channel.embeddedEventLoop.advanceTime(by: .seconds(9))
            try channel.writeOutbound(HTTPResponsePart.head(HTTPResponse(status: .ok)))
            try channel.writeOutbound(HTTPResponsePart.end(nil))
            #expect(try heads(channel) == [200])
        }
        try channel.writeInbound(HTTPRequestPart.head(request))
        channel.embeddedEventLoop.advanceTime(by: .seconds(9))
        #expect(try heads(channel) == [])
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(try heads(channel) == [408])
        #expect(!channel.isActive)
    }

    private func heads(_ channel: EmbeddedChannel) throws -> [Int] {
        var statuses: [Int] = []
        while let part = try channel.readOutbound(as: HTTPResponsePart.self) {
            if case .head(let head) = part { statuses.append(head.status.code) }
        }
        return statuses
    }
}

/// A count that closures share.
private final class SharedCount: Sendable {
    let mutex = Mutex(0)
    var value: Int { mutex.withLock { $0 } }
}
