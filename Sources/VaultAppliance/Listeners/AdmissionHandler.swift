import Logging
import NIOCore
import NIOSSL

/// First in a connection's pipeline: closes it when a limit is reached, else starts TLS.
///
/// The TLS context is made here, once for each admitted connection and for it alone. Session tickets are sealed with
/// keys that live in the context, so no ticket of one connection can resume another, and no client gets past the
/// verification of its certificate; nio-ssl has no switch that turns tickets off.
final class AdmissionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let connection: ClientConnection
    private let limits: ConnectionLimits
    private let tls: TLSIdentity?
    private let handshakeTimeout: TimeAmount
    private let metrics: ListenerMetrics
    private let logger: Logger
    private var isAdmitted = false

    /// For one connection of a listener; without `tls` it speaks plain HTTP.
    init(
        _ connection: ClientConnection, limits: ConnectionLimits, tls: TLSIdentity?, handshakeTimeout: TimeAmount,
        metrics: ListenerMetrics, logger: Logger
    ) {
        self.connection = connection
        self.limits = limits
        self.tls = tls
        self.handshakeTimeout = handshakeTimeout
        self.metrics = metrics
        self.logger = logger
    }

    func channelActive(context: ChannelHandlerContext) {
        connection.opened(from: context.remoteAddress)
        guard limits.open(connection.party, handshake: tls != nil) else {
            metrics.refusedConnection()
            return context.close(promise: nil)
        }
        isAdmitted = true
        do {
            try tls.map { try startTLS(context, $0) }
        } catch {
            context.fireErrorCaught(error)
            return context.close(promise: nil)
        }
        context.fireChannelActive()
    }

    private func startTLS(_ context: ChannelHandlerContext, _ tls: TLSIdentity) throws {
        let handshake = HandshakeHandler(
            connection, limits: limits, timeout: handshakeTimeout, metrics: metrics, logger: logger)
        do {
            // The connection remembers what it was verified by: it is worth nothing under other authorities.
            let authorities = tls.clientAuthorities
            connection.verifies(by: authorities)
            let configuration = tls.configuration(verifyingBy: authorities)
            let server = NIOSSLServerHandler(context: try NIOSSLContext(configuration: configuration))
            try context.pipeline.syncOperations.addHandlers([server, handshake], position: .after(self))
        } catch {
            limits.handshakeEnded(connection.party)
            throw error
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        // First the handlers behind: a handshake in progress gives its place back while the connection still has one.
        context.fireChannelInactive()
        if isAdmitted { limits.closed(connection.party) }
        isAdmitted = false
    }
}
