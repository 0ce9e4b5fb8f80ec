import Crypto
import Foundation
import NIOSSL
import Testing
import X509

@testable import VaultAppliance

@Suite(.timeLimit(.minutes(10))) struct MutualTLSTests {
    private let gatewayURI = "spiffe://acme.example/gateway/mcp"

    private func credential(
        _ authority: TestAuthority, _ change: (inout TestAuthority.Request) -> Void = { _ in }
    ) throws -> TestAuthority.Credential {
        var request = TestAuthority.Request()
        request.names = [.uniformResourceIdentifier(gatewayURI), .dnsName("gateway.acme.example")]
        change(&request)
        return try authority.issue(request)
    }

    /// What the token endpoint says to a client, or an error when the handshake fails.
    private func outcome(_ tls: TestTLS, _ client: TLSConfiguration) async throws -> String {
        try await TestServer.run(.echo, transport: tls.transport()) { server in
            let connection = try await TestConnection.open(port: server.port, tls: client)
            return try await connection.post("/oauth2/token").body
        }
    }

    @Test func theHandlerSeesTheNamesOfAVerifiedClient() async throws {
        let tls = try TestTLS()
        let credential = try credential(tls.authority)
        let thumbprint = try PeerCertificate(der: try credential.der).thumbprint
        #expect(try await outcome(tls, tls.client(credential)) == "\(gatewayURI)|CN=test|\(thumbprint)")
    }

    @Test func aClientWithoutCertificateHasNoPeer() async throws {
        let tls = try TestTLS()
        #expect(try await outcome(tls, tls.client()) == "-|-|-")
    }

    @Test func aListenerWithoutClientAuthoritiesAsksForNoCertificate() async throws {
        let tls = try TestTLS()
        let identity = try tls.identity(verifiesClients: false)
        let body = try await TestServer.run(.echo, transport: .tls { identity }) { server in
            let client = try tls.client(credential(tls.authority))
            return try await TestConnection.open(port: server.port, tls: client).post("/token").body
        }
        #expect(body == "-|-|-")
    }

    @Test func aCertificateOfAnotherAuthorityEndsTheHandshake() async throws {
        let tls = try TestTLS()
        let stranger = try credential(try TestAuthority("Other CA"))
        await #expect(throws: (any Error).self) { try await outcome(tls, tls.client(stranger)) }
    }

    @Test func anExpiredCertificateEndsTheHandshake() async throws {
        let tls = try TestTLS()
        let expired = try credential(tls.authority) { $0.notAfter = Date(timeIntervalSinceNow: -60) }
        await #expect(throws: (any Error).self) { try await outcome(tls, tls.client(expired)) }
    }

    @Test func aCertificateForServersOnlyEndsTheHandshake() async throws {
        let tls = try TestTLS()
        let server = try credential(tls.authority) { $0.usage = [.serverAuth] }
        await #expect(throws: (any Error).self) { try await outcome(tls, tls.client(server)) }
    }

    @Test func olderVersionsOfTLSAreRefused() async throws {
        let tls = try TestTLS()
        var client = try tls.client(credential(tls.authority))
        client.maximumTLSVersion = .tlsv12
        await #expect(throws: (any Error).self) { try await outcome(tls, client) }
    }

    @Test func failedHandshakesAreCountedAndHarmNobodyElse() async throws {
        let tls = try TestTLS()
        let stranger = try tls.client(credential(try TestAuthority("Other CA")))
        let good = try tls.client(credential(tls.authority))
        try await TestServer.run(.echo, transport: tls.transport()) { server in
            let refused = try await TestConnection.open(port: server.port, tls: stranger)
            _ = await refused.rest()
            let connection = try await TestConnection.open(port: server.port, tls: good)
            #expect(try await connection.post("/token").status == 200)
            try await server.wait(for: #"vault_tls_handshakes_total{listener="test",outcome="failed"}"#, "1")
            try await server.wait(for: #"vault_tls_handshakes_total{listener="test",outcome="completed"}"#, "1")
        }
    }

    @Test func aNewChainIsInForceForNewConnectionsAndABadOneIsNot() async throws {
        let tls = try TestTLS()
        let identity = try tls.identity()
        let client = try tls.client()
        try await TestServer.run(.echo, transport: .tls { identity }) { server in
            let before = try await TestConnection.open(port: server.port, tls: client)
            let first = identity.leaf.fingerprint
            let new = try tls.authority.issueServer(key: tls.key, commonName: "renewed")
            _ = try tls.directory.write("chain.pem", new.pem)
            try identity.reload(now: .now)
            #expect(identity.leaf.subject == "CN=renewed")
            #expect(identity.leaf.fingerprint != first)
            _ = try tls.directory.write("chain.pem", try tls.authority.issueServer().pem)
            #expect(throws: ListenerError(.keyMismatch, "")) { try identity.reload(now: .now) }
            #expect(identity.leaf.subject == "CN=renewed")
            #expect(try await before.post("/token").status == 200)
            let served = try await OpenSSL.connect(port: server.port, ["-brief"])
            #expect(served.contains("CN = renewed"))
        }
    }
}
