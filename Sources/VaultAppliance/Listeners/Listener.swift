import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// One listener as a service: waits until it may open, listens, and drains its connections at a graceful shutdown.
package final class Listener: Service {
    /// What is under HTTP.
    package enum Transport: Sendable {
        /// Nothing: only on a loopback address.
        case plain
        /// TLS 1.3; the listener opens when the closure returns the identity, which needs the core's public key.
        case tls(@Sendable () async throws -> TLSIdentity)
    }

    /// The name in metrics and logs.
    package let name: String
    private let settings: ListenerSettings
    private let transport: Transport
    private let routes: RouteTable
    private let environment: ListenerEnvironment
    private let boundPort = Mutex<Int?>(nil)

    /// A listener that does nothing until `run`.
    package init(
        name: String, settings: ListenerSettings, transport: Transport, routes: RouteTable,
        environment: ListenerEnvironment
    ) throws(ListenerError) {
        if case .plain = transport, !Self.isLoopback(settings.host) {
            throw ListenerError(
                .notLoopback, "\(name) listener: host \(settings.host) is not a loopback address; use 127.0.0.1")
        }
        self.name = name
        self.settings = settings
        self.transport = transport
        self.routes = routes
        self.environment = environment
    }

    /// The port it listens on; nil before it is open and after it closed.
    package var port: Int? { boundPort.withLock { $0 } }

    /// Runs until graceful shutdown or cancellation.
    package func run() async throws {
        let metrics = ListenerMetrics(name, environment.metrics, isTLS: isTLS)
        let identity: TLSIdentity?
        do {
            identity = try await open()
        } catch is CancellationError {
            return
        }
        identity.map(metrics.follow)
        let responder = ListenerResponder(
            routes, limits: settings.limits, metrics: metrics, environment: environment,
            authorities: { identity?.clientAuthorities })
        let server = Server(
            childChannelSetup: ListenerChannel(
                settings.limits, tls: identity, responder: responder, metrics: metrics,
                logger: environment.logger),
            configuration: ServerConfiguration(address: .hostname(settings.host, port: settings.port), backlog: 1024),
            onServerRunning: { [self] channel in opened(channel.localAddress?.port) },
            eventLoopGroup: environment.group, logger: serverLogger)
        defer { boundPort.withLock { $0 = nil } }
        do {
            try await server.run()
        } catch {
            throw ListenerError(.cannotListen, "\(name) listener, \(settings.host):\(settings.port): \(error)")
        }
    }

    private var isTLS: Bool { if case .tls = transport { true } else { false } }

    private func open() async throws -> TLSIdentity? {
        guard case .tls(let identity) = transport else { return nil }
        return try await cancelWhenGracefulShutdown { try await identity() }
    }

    private func opened(_ port: Int?) {
        boundPort.withLock { $0 = port }
        environment.logger.info(
            "listening", metadata: ["listener": "\(name)", "host": "\(settings.host)", "port": "\(port ?? 0)"])
    }

    /// The server says "listening" in its own words, without the listener's name: once is enough.
    private var serverLogger: Logger {
        let handler = environment.logger.handler
        var logger = Logger(label: environment.logger.label) { _ in WithoutCancellations(handler: handler) }
        logger.logLevel = max(logger.logLevel, .warning)
        return logger
    }

    /// Leaves out that a listener was cancelled: it is because something else went wrong, and that is what is said.
    private struct WithoutCancellations: LogHandler {
        var handler: any LogHandler

        var metadata: Logger.Metadata {
            get { handler.metadata }
            set { handler.metadata = newValue }
        }

        var logLevel: Logger.Level {
            get { handler.logLevel }
            set { handler.logLevel = newValue }
        }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { handler[metadataKey: key] }
            set { handler[metadataKey: key] = newValue }
        }

        func log(event: LogEvent) {
            guard !event.message.description.hasSuffix("CancellationError()") else { return }
            handler.log(event: event)
        }
    }

    private static func isLoopback(_ host: String) -> Bool {
        host == "::1" || host == "localhost"
            || (host.hasPrefix("127.") && (try? SocketAddress(ipAddress: host, port: 0)) != nil)
    }
}
