import Crypto
import NIOCore
import NIOEmbedded
import NIOSSL
import Synchronization
import Testing

@testable import VaultAppliance

@Suite(.timeLimit(.minutes(10))) struct HSMKeyTests {
    private struct Down: Error {}

    @Test func theCoreIsAskedForOneServerCertificateVerify() async throws {
        let tls = try TestTLS()
        let asked = Mutex<[(kid: String, data: [UInt8])]>([])
        let key = tls.key
        let transport = try tls.transport { kid, data in
            asked.withLock { $0.append((kid, data)) }
            return Array(try key.signature(for: data).derRepresentation)
        }
        try await TestServer.run(.echo, transport: transport) { server in
            let connection = try await TestConnection.open(port: server.port, tls: tls.client())
            #expect(try await connection.post("/token").status == 200)
            #expect(try await connection.post("/token").status == 200)
        }
        let calls = asked.withLock { $0 }
        let prefix = [UInt8](repeating: 0x20, count: 64) + Array("TLS 1.3, server CertificateVerify".utf8) + [0]
        #expect(calls.map(\.kid) == ["kid"])
        #expect(
            calls.first.map { $0.data.starts(with: prefix) && [32, 48].contains($0.data.count - prefix.count) } == true)
    }

    @Test func aCoreThatFailsOrHangsHarmsOnlyTheHandshakesThatNeedIt() async throws {
        let tls = try TestTLS()
        let behaviour = Mutex("sign")
        let key = tls.key
        let transport = try tls.transport { _, data in
            switch behaviour.withLock({ $0 }) {
            case "fail": throw Down()
            case "hang": try await Task.sleep(for: .seconds(3600))
            default: break
            }
            return Array(try key.signature(for: data).derRepresentation)
        }
        try await TestServer.run(.echo, transport: transport) { server in
            let established = try await TestConnection.open(port: server.port, tls: tls.client())
            #expect(try await established.post("/token").status == 200)

            behaviour.withLock { $0 = "fail" }
            let failing = try await TestConnection.open(port: server.port, tls: tls.client())
            #expect(await failing.rest() == "")
            try await server.wait(for: #"vault_tls_handshakes_total{listener="test",outcome="key_failed"}"#, "1")

            behaviour.withLock { $0 = "hang" }
            // More hanging handshakes than there are threads or event loops.
            for _ in 0..<16 { _ = try await TestConnection.open(port: server.port, tls: tls.client()) }
            #expect(try await established.post("/token").status == 200)

            behaviour.withLock { $0 = "sign" }
            let later = try await TestConnection.open(port: server.port, tls: tls.client())
            #expect(try await later.post("/token").status == 200)
        }
    }

    @Test func aConnectionThatGoesAwayCancelsTheWaitForItsSignature() async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let key = HSMTLSKey(label: "k", kid: "kid", publicKey: []) { _, _ in
            do { try await Task.sleep(for: .seconds(3600)) } catch { continuation.finish() }
            throw Down()
        }
        let channel = NIOAsyncTestingChannel()
        let signature = key.sign(channel: channel, algorithm: .ecdsaSecp256R1Sha256, data: ByteBuffer())
        try await channel.close()
        for await _ in stream {}
        await #expect(throws: ListenerError(.keyFailed, "")) { try await signature.get() }
    }

    @Test func onlyOneAlgorithmIsOfferedAndNothingIsDecrypted() throws {
        let key = HSMTLSKey(label: "k", kid: "kid", publicKey: []) { _, _ in [] }
        #expect(key.signatureAlgorithms == [.ecdsaSecp256R1Sha256])
        let channel = EmbeddedChannel()
        #expect(throws: ListenerError(.keyFailed, "")) {
            try key.decrypt(channel: channel, data: ByteBuffer()).wait()
        }
    }
}
