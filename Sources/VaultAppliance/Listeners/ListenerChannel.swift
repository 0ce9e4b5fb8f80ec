import HummingbirdCore
import Logging
import NIOCore

/// Sets up a listener's connections: limits, TLS with a context of its own for each, HTTP/1.1, request bounds.
///
/// Conforms to Hummingbird's `ServerChildChannel`, beside its `TLSChannel`, which shares one context among all
/// connections and so lets sessions resume.
struct ListenerChannel: ServerChildChannel {
    /// One connection: its HTTP stream and what is known of the client.
    struct Value: ServerChildChannelValue {
        let http: HTTP1Channel.Value
        let connection: ClientConnection

        var channel: any Channel { http.channel }
    }

    private let limits: ConnectionLimits
    private let settings: ListenerLimits
    private let tls: TLSIdentity?
    private let responder: ListenerResponder
    private let metrics: ListenerMetrics
    private let http: HTTP1Channel
    private let logger: Logger

    /// For one listener; without `tls` it speaks plain HTTP.
    init(
        _ settings: ListenerLimits, tls: TLSIdentity?, responder: ListenerResponder, metrics: ListenerMetrics,
        logger: Logger
    ) {
        let limits = ConnectionLimits(settings)
        let requestTimeout = TimeAmount(settings.requestTimeout)
        self.limits = limits
        self.settings = settings
        self.tls = tls
        self.responder = responder
        self.metrics = metrics
        self.logger = logger
        http = HTTP1Channel(
            responder: { _, _, _ in },
            configuration: HTTP1Channel.Configuration(
                additionalChannelHandlers: [RequestGuard(timeout: requestTimeout)],
                idleTimeout: TimeAmount(settings.idleTimeout),
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: settings.headerBytes, maxHeaderListSize: settings.headerBytes,
                    maxHeaderFieldCount: settings.headerFields)))
        metrics.countConnections { limits.connections }
    }

    /// Adds the handlers; TLS itself starts when the connection is active and admitted.
    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let connection = ClientConnection()
        return channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(
                AdmissionHandler(
                    connection, limits: limits, tls: tls, handshakeTimeout: TimeAmount(settings.handshakeTimeout),
                    metrics: metrics, logger: self.logger))
        }.flatMap {
            http.setup(channel: channel, logger: logger)
        }.map { Value(http: $0, connection: connection) }
            .flatMapErrorThrowing { error in
                // The server only drops a connection whose set-up failed.
                channel.close(promise: nil)
                throw error
            }
    }

    /// Serves the requests of one connection, on its event loop.
    func handle(value: Value, logger: Logger) async {
        let connection = value.connection
        let channel = HTTP1Channel(
            responder: { [responder] request, writer, _ in
                let response = await responder.respond(to: request, over: connection)
                try await writer.write(response: response.head, body: response.body)
            }, configuration: http.configuration)
        await withTaskExecutorPreference(EventLoopExecutor(value.channel.eventLoop)) {
            await channel.handle(value: value.http, logger: logger)
        }
    }
}
