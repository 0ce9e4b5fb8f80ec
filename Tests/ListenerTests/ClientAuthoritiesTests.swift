import Foundation
import Minting
import Synchronization
import Testing

@testable import VaultAppliance

/// Authorities of clients are in force as a part of the bundle: what they admitted goes when they go.
@Suite(.timeLimit(.minutes(10))) struct ClientAuthoritiesTests {
    /// The authorities in force, as a bundle store has them.
    private final class InForce: Sendable {
        private let value: Mutex<ClientAuthorities>

        init(_ first: ClientAuthorities) { value = Mutex(first) }

        var current: ClientAuthorities { value.withLock { $0 } }

        func replace(with next: ClientAuthorities) { value.withLock { $0 = next } }
    }

    private func isWithdrawn(_ connection: TestConnection) async throws {
        let answer = try await connection.post("/oauth2/token")
        #expect(answer.status == 401 && answer.fields["connection"] == "close")
        #expect(answer.fields["www-authenticate"] != nil && answer.body.contains("invalid_client"))
        #expect(await connection.rest() == "")
    }

    @Test func aConnectionThatAWithdrawnAuthorityAdmittedIsRefusedAtItsNextRequestAndClosed() async throws {
        let tls = try TestTLS()
        let other = try TestAuthority("Other CA")
        let inForce = InForce(try tls.authority.forClients)
        let identity = try tls.identity { inForce.current }
        let (old, new) = (try tls.client(tls.authority.issue(.init())), try tls.client(other.issue(.init())))
        try await TestServer.run(.echo, transport: .tls { identity }) { server in
            let admitted = try await TestConnection.open(port: server.port, tls: old)
            let bare = try await TestConnection.open(port: server.port, tls: tls.client())
            #expect(try await admitted.post("/token").body.contains("|CN=test|"))
            #expect(try await bare.post("/token").body == "-|-|-")
            inForce.replace(with: try other.forClients)
            try await isWithdrawn(admitted)
            // Who showed no certificate has nothing to lose.
            #expect(try await bare.post("/token").body == "-|-|-")
            let again = try await TestConnection.open(port: server.port, tls: old)
            await #expect(throws: (any Error).self) { try await again.post("/token") }
            let admittedNow = try await TestConnection.open(port: server.port, tls: new)
            #expect(try await admittedNow.post("/token").body.contains("|CN=test|"))
        }
    }

    @Test func aReloadOfTheSameAuthoritiesEndsNoConnectionAndOneOfMoreDoesUntilItIsOpenedAnew() async throws {
        let tls = try TestTLS()
        let inForce = InForce(try tls.authority.forClients)
        let identity = try tls.identity { inForce.current }
        let client = try tls.client(tls.authority.issue(.init()))
        try await TestServer.run(.echo, transport: .tls { identity }) { server in
            let connection = try await TestConnection.open(port: server.port, tls: client)
            #expect(try await connection.post("/token").status == 200)
            inForce.replace(with: try tls.authority.forClients)
            #expect(try await connection.post("/token").status == 200)
            let more = try tls.authority.pem + "\n" + TestAuthority("Other CA").pem
            inForce.replace(with: try ClientAuthorities(pem: Array(more.utf8)))
            try await isWithdrawn(connection)
            let again = try await TestConnection.open(port: server.port, tls: client)
            #expect(try await again.post("/token").status == 200)
        }
    }

    /// The example configuration with another authority of clients, as it would be loaded.
    private func bundle(_ directory: TestDirectory, authority: TestAuthority) throws -> VaultAppliance.Bundle {
        _ = try directory.write("client-ca.pem", try authority.pem)
        return try VaultAppliance.Bundle(
            try ConfigurationBundle.load(file: directory.path + "/appliance.yaml"), cache: VerificationCache())
    }

    @Test func authoritiesChangeWithTheBundleAloneWhateverTheirFileHoldsAndWhateverBecomesOfTheChain() async throws {
        let tls = try TestTLS()
        let examples = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "hsm-config")
        for name in ["appliance.yaml", "policy.yaml", "idp-jwks.json", "agents-jwks.json"] {
            _ = try tls.directory.write(name, try String(contentsOf: examples.appending(path: name), encoding: .utf8))
        }
        let other = try TestAuthority("Other CA")
        let bundles = BundleStore(try bundle(tls.directory, authority: tls.authority))
        let identity = try tls.identity { bundles.current.clientAuthorities }
        let stranger = try tls.client(other.issue(.init()))
        try await TestServer.run(.echo, transport: .tls { identity }) { server in
            let admitted = try await TestConnection.open(
                port: server.port, tls: tls.client(tls.authority.issue(.init())))
            #expect(try await admitted.post("/token").status == 200)
            // Loaded, and refused by the core: the chains are loaded anew, the authorities are not.
            let refused = try bundle(tls.directory, authority: other)
            #expect(refused.hash != bundles.current.hash)
            try identity.reload(now: .now)
            let intruder = try await TestConnection.open(port: server.port, tls: stranger)
            await #expect(throws: (any Error).self) { try await intruder.post("/token") }
            #expect(try await admitted.post("/token").status == 200)
            // Taken, and the chain is bad: the authorities are in force all the same.
            bundles.replace(with: refused)
            _ = try tls.directory.write("chain.pem", "no chain")
            #expect(throws: ListenerError(.malformedCertificate, "")) { try identity.reload(now: .now) }
            try await isWithdrawn(admitted)
            let client = try await TestConnection.open(port: server.port, tls: stranger)
            #expect(try await client.post("/token").body.contains("|CN=test|"))
        }
    }
}
