import NIOCore
import Testing

@testable import VaultAppliance

/// Limits on connections, seen from outside and in the counting itself.
@Suite(.timeLimit(.minutes(10))) struct ConnectionTests {
    private func limits(_ change: (inout ListenerLimits) -> Void) -> ListenerLimits {
        var limits = ListenerLimits()
        change(&limits)
        return limits
    }

    @Test(
        "a connection too many is closed and the others go on",
        arguments: ["in all", "of one address"])
    func tooManyConnections(_ kind: String) async throws {
        let limits = limits {
            if kind == "in all" { $0.connections = 2 } else { $0.connectionsPerAddress = 2 }
        }
        try await TestServer.run(.echo, limits: limits) { server in
            let first = try await TestConnection.open(port: server.port)
            let second = try await TestConnection.open(port: server.port)
            #expect(try await first.post("/token").status == 200)
            #expect(try await second.post("/token").status == 200)
            let third = try await TestConnection.open(port: server.port)
            #expect(await third.rest() == "")
            #expect(try await first.post("/token").status == 200)
            #expect(server.sample(#"vault_connections{listener="test"}"#) == "2")
            #expect(server.sample(#"vault_connections_refused_total{listener="test"}"#) == "1")
            // The place of a closed connection is free again, once the server has seen the end.
            second.close()
            try await server.wait(for: #"vault_connections{listener="test"}"#, "1")
            #expect(try await TestConnection.open(port: server.port).post("/token").status == 200)
        }
    }

    @Test func aHandshakeThatDoesNotGoOnIsDropped() async throws {
        let tls = try TestTLS()
        let limits = limits { $0.handshakeTimeout = .milliseconds(50) }
        try await TestServer.run(.echo, transport: tls.transport(), limits: limits) { server in
            let silent = try await TestConnection.open(port: server.port)
            #expect(await silent.rest() == "")
            try await server.wait(for: #"vault_tls_handshakes_total{listener="test",outcome="timed_out"}"#, "1")
        }
    }

    @Test func aHandshakeTooManyIsClosedAndAnOpenConnectionGoesOn() async throws {
        let tls = try TestTLS()
        let limits = limits { $0.handshakesPerAddress = 1 }
        try await TestServer.run(.echo, transport: tls.transport(), limits: limits) { server in
            let open = try await TestConnection.open(port: server.port, tls: tls.client())
            #expect(try await open.post("/token").status == 200)
            let silent = try await TestConnection.open(port: server.port)
            try await server.wait(for: #"vault_connections{listener="test"}"#, "2")
            let refused = try await TestConnection.open(port: server.port)
            #expect(await refused.rest() == "")
            #expect(try await open.post("/token").status == 200)
            silent.close()
        }
    }

    @Test func anIdleConnectionIsClosed() async throws {
        let limits = limits { $0.idleTimeout = .milliseconds(50) }
        try await TestServer.run(.echo, limits: limits) { server in
            let idle = try await TestConnection.open(port: server.port)
            #expect(await idle.rest() == "")
            let slow = try await TestConnection.open(port: server.port)
            try? await slow.send("POST /token HTTP/1.1\r\nHost: ")
            #expect(await slow.rest() == "")
        }
    }

    @Test func placesAreCountedForEachPartyAndInAll() throws {
        let counts = ConnectionLimits(
            limits {
                $0.connections = 4
                $0.connectionsPerAddress = 2
                $0.handshakes = 3
                $0.handshakesPerAddress = 1
            })
        let (a, b) = (try party("192.0.2.1"), try party("192.0.2.2"))
        #expect(counts.open(a, handshake: true))
        #expect(!counts.open(a, handshake: true))
        counts.handshakeEnded(a)
        #expect(counts.open(a, handshake: true))
        counts.handshakeEnded(a)
        #expect(!counts.open(a, handshake: true))
        #expect(counts.open(b, handshake: true))
        counts.handshakeEnded(b)
        counts.closed(a)
        #expect(counts.open(a, handshake: false))
        #expect(counts.open(b, handshake: false))
        #expect(!counts.open(try party("192.0.2.3"), handshake: false))
        #expect(counts.connections == 4)
    }

    @Test func aPartyIsAnIPv4AddressOrAnIPv6Network() throws {
        #expect(try party("192.0.2.1") != party("192.0.2.2"))
        #expect(try party("2001:db8::1") == party("2001:db8::ffff:0:1"))
        #expect(try party("2001:db8:0:1::1") != party("2001:db8:0:2::1"))
        #expect(try party("::ffff:192.0.2.1") == party("192.0.2.1"))
        #expect(try party("::ffff:192.0.2.1") != party("::ffff:192.0.2.2"))
        #expect(try party("0.0.0.0") != party("::"))
    }

    private func party(_ address: String) throws -> ClientNetwork {
        ClientNetwork(try SocketAddress(ipAddress: address, port: 1))
    }
}
