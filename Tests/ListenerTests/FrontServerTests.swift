import NIOPosix
import ServiceLifecycle
import StrictEncoding
import Testing

@testable import VaultAppliance

@Suite(.timeLimit(.minutes(10))) struct FrontServerTests {
    private func listener(
        _ name: String, _ transport: Listener.Transport, _ routes: RouteTable, host: String = "127.0.0.1"
    ) throws -> Listener {
        try Listener(
            name: name, settings: ListenerSettings(host: host, port: 0), transport: transport, routes: routes,
            environment: TestServer.environment())
    }

    private func front(_ transport: Listener.Transport, token: RouteTable) throws -> FrontServer {
        FrontServer(
            ops: try listener("ops", .plain, .operations(readiness: { Readiness() }, metrics: MetricsRegistry())),
            gateway: try listener("gateway", transport, token),
            public: try listener("public", transport, .public { _ in StaticDocument(json: []) }),
            environment: TestServer.environment())
    }

    @Test func theOthersOpenWhenTheirIdentityIsThereAndOpsAtOnce() async throws {
        let tls = try TestTLS()
        let (reachable, core) = AsyncStream.makeStream(of: Void.self)
        let identity = try tls.identity()
        let front = try front(
            .tls {
                for await _ in reachable {}
                try Task.checkCancellation()
                return identity
            }, token: .echo)
        try await TestServer.running(front) {
            let ops = try await TestServer.opened(front.ops)
            #expect(try await TestConnection.open(port: ops).get("/health/live").status == 200)
            #expect(front.gateway.port == nil)
            #expect(front.public.port == nil)
            core.finish()
            let gateway = try await TestServer.opened(front.gateway)
            #expect(try await TestConnection.open(port: gateway, tls: tls.client()).post("/token").status == 200)
            let open = try await TestServer.opened(front.public)
            let documents = try await TestConnection.open(port: open, tls: tls.client())
            #expect(try await documents.get("/.well-known/jwks.json").status == 200)
            #expect(Set([ops, gateway, open]).count == 3)
        }
        #expect(front.gateway.port == nil)
    }

    @Test func aShutdownWhileListenersWaitIsNoError() async throws {
        let front = try front(
            .tls {
                try await Task.sleep(for: .seconds(3600))
                throw CancellationError()
            }, token: .echo)
        try await TestServer.running(front) { _ = try await TestServer.opened(front.ops) }
    }

    @Test func aListenerThatCannotHaveItsIdentityStopsTheServer() async throws {
        let front = try front(.tls { throw ListenerError(.keyMismatch, "") }, token: .echo)
        await #expect(throws: ListenerError(.keyMismatch, "")) { try await front.run() }
    }

    @Test func aRequestInProgressIsAnsweredBeforeTheEnd() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        let routes = RouteTable.gateway { _ in
            start.finish()
            for await _ in released {}
            return GatewayResponse(status: 200, body: Array("done".utf8))
        }
        let listener = try listener("gateway", .plain, routes)
        let group = ServiceGroup(
            configuration: .init(services: [listener], logger: TestServer.environment().logger))
        async let end: Void = group.run()
        let connection = try await TestConnection.open(port: try await TestServer.opened(listener))
        try await connection.send(
            "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                + "Content-Length: 0\r\n\r\n"
        )
        for await _ in started {}
        await group.triggerGracefulShutdown()
        release.finish()
        #expect(try await connection.answer().body == "done")
        try await end
        #expect(await connection.rest() == "")
    }

    @Test(
        "a listener without TLS stays on the machine",
        arguments: ["0.0.0.0", "192.0.2.1", "::", "vault.acme.example", "127.evil.example"])
    func loopback(_ host: String) {
        #expect(throws: ListenerError(.notLoopback, "")) { try listener("ops", .plain, .echo, host: host) }
    }

    @Test("loopback addresses are accepted", arguments: ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
    func loopbackAddresses(_ host: String) throws {
        #expect(try listener("ops", .plain, .echo, host: host).port == nil)
    }

    @Test func anAddressInUseIsAnErrorThatNamesTheListener() async throws {
        try await TestServer.run(.echo) { server in
            let second = try Listener(
                name: "gateway", settings: ListenerSettings(host: "127.0.0.1", port: server.port), transport: .plain,
                routes: .echo, environment: TestServer.environment())
            let error = await #expect(throws: ListenerError(.cannotListen, "")) { try await second.run() }
            #expect(error?.context.hasPrefix("gateway listener, 127.0.0.1:\(server.port)") == true)
        }
    }

    @Test func datesAreWrittenAsHTTPWritesThem() {
        // The example of RFC 9110 section 5.6.7.
        #expect(HTTPDate().string(UnixTime(seconds: 784_111_777)) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDate().string(UnixTime(seconds: 0)) == "Thu, 01 Jan 1970 00:00:00 GMT")
    }
}
