import Crypto
import Foundation
import Logging
import NIOPosix
import NIOSSL
import ServiceLifecycle
import StrictEncoding

@testable import VaultAppliance

/// A listener that runs while a closure does.
struct TestServer {
    let port: Int
    let metrics: MetricsRegistry

    static func environment(_ metrics: MetricsRegistry = MetricsRegistry()) -> ListenerEnvironment {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return ListenerEnvironment(
            group: MultiThreadedEventLoopGroup.singleton, logger: logger, metrics: metrics, now: { .now })
    }

    static func run<Result: Sendable>(
        _ routes: RouteTable, transport: Listener.Transport = .plain, limits: ListenerLimits = ListenerLimits(),
        _ body: (TestServer) async throws -> Result
    ) async throws -> Result {
        let metrics = MetricsRegistry()
        let listener = try Listener(
            name: "test", settings: ListenerSettings(host: "127.0.0.1", port: 0, limits: limits), transport: transport,
            routes: routes, environment: environment(metrics))
        return try await running(listener) {
            try await body(TestServer(port: try await opened(listener), metrics: metrics))
        }
    }

    /// Runs a service while a closure does, then shuts it down gracefully and waits for its end.
    static func running<Result: Sendable>(
        _ service: any Service, _ body: () async throws -> Result
    ) async throws -> Result {
        let group = ServiceGroup(configuration: .init(services: [service], logger: environment().logger))
        let task = Task { try await group.run() }
        do {
            let result = try await body()
            await group.triggerGracefulShutdown()
            try await task.value
            return result
        } catch {
            await group.triggerGracefulShutdown()
            try await task.value
            throw error
        }
    }

    /// Waits until a listener is open.
    static func opened(_ listener: Listener) async throws -> Int {
        while true {
            if let port = listener.port { return port }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Waits until a sample has a value: a client may see the end of its connection before the server has counted it.
    func wait(for series: String, _ value: String) async throws {
        while sample(series) != value { try await Task.sleep(for: .milliseconds(5)) }
    }

    /// The printed value of a sample, as it stands behind its name and labels.
    func sample(_ series: String) -> String? {
        String(decoding: metrics.exposition(), as: UTF8.self).split(separator: "\n")
            .first { $0.hasPrefix(series + " ") }.map { String($0.dropFirst(series.count + 1)) }
    }
}

extension UnixTime {
    static var now: UnixTime { UnixTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }
}

/// An authority, a server certificate whose key stands in for the HSM's, and configurations of clients.
struct TestTLS: Sendable {
    let authority: TestAuthority
    let directory: TestDirectory
    let key = P256.Signing.PrivateKey()
    let chainFile: String

    init() throws {
        authority = try TestAuthority()
        directory = try TestDirectory()
        chainFile = try directory.write("chain.pem", try authority.issueServer(key: key).pem)
    }

    /// Signs like the core, at once.
    var signer: HSMTLSKey.Signer {
        { [key] _, data in Array(try key.signature(for: data).derRepresentation) }
    }

    func hsmKey(_ signer: HSMTLSKey.Signer? = nil) -> HSMTLSKey {
        HSMTLSKey(
            label: "tls-gateway", kid: "kid", publicKey: Array(key.publicKey.rawRepresentation),
            signer: signer ?? self.signer)
    }

    func identity(verifiesClients: Bool = true, _ signer: HSMTLSKey.Signer? = nil) throws -> TLSIdentity {
        guard verifiesClients else { return try TLSIdentity(chainFile: chainFile, keys: [hsmKey(signer)], now: .now) }
        let authorities = try authority.forClients
        return try TLSIdentity(
            chainFile: chainFile, clientAuthorities: { authorities }, keys: [hsmKey(signer)], now: .now)
    }

    /// One that asks a closure which authorities are in force.
    func identity(clientAuthorities: @escaping @Sendable () -> ClientAuthorities) throws -> TLSIdentity {
        try TLSIdentity(chainFile: chainFile, clientAuthorities: clientAuthorities, keys: [hsmKey()], now: .now)
    }

    func transport(_ signer: HSMTLSKey.Signer? = nil) throws -> Listener.Transport {
        let identity = try identity(signer)
        return .tls { identity }
    }

    /// A client that trusts the authority and shows `credential`.
    func client(_ credential: TestAuthority.Credential? = nil) throws -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates([try NIOSSLCertificate(bytes: Array(authority.pem.utf8), format: .pem)]
        )
        if let credential {
            configuration.certificateChain = [.certificate(try .init(bytes: try credential.der, format: .der))]
            configuration.privateKey = .privateKey(
                try .init(bytes: Array(credential.key.pemRepresentation.utf8), format: .pem))
        }
        return configuration
    }
}

extension RouteTable {
    /// A token endpoint that answers with what it sees of the client.
    static var echo: RouteTable {
        .gateway { request in
            let peer = request.peer
            let text = [peer?.uris.joined(separator: " "), peer?.subject, peer?.thumbprint].map { $0 ?? "-" }
            return GatewayResponse(status: 200, body: Array(text.joined(separator: "|").utf8))
        }
    }
}
