import Logging
import NIOCore
import NIOSSL
import NIOTLS

/// Waits for the end of a TLS handshake, not too long, and reads the client's certificate.
final class HandshakeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let connection: ClientConnection
    private let limits: ConnectionLimits
    private let timeout: TimeAmount
    private let metrics: ListenerMetrics
    private let logger: Logger
    private var timer: Scheduled<Void>?
    private var isPending = true

    /// For one connection, whose place among the handshakes this gives back.
    init(
        _ connection: ClientConnection, limits: ConnectionLimits, timeout: TimeAmount, metrics: ListenerMetrics,
        logger: Logger
    ) {
        self.connection = connection
        self.limits = limits
        self.timeout = timeout
        self.metrics = metrics
        self.logger = logger
    }

    func handlerAdded(context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) {
            self.end(.timedOut)
            context.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            do {
                try identify(context)
                end(.completed)
            } catch {
                end(.failed)
                return context.close(promise: nil)
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// A certificate that BoringSSL verified but strict DER refuses ends the connection.
    private func identify(_ context: ChannelHandlerContext) throws {
        guard let certificate = try context.pipeline.syncOperations.nioSSL_peerCertificate() else { return }
        connection.identified(as: try PeerCertificate(der: try certificate.toDERBytes()))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if isPending {
            // Anyone can make handshakes fail, so the log shows them only when asked to; the metrics always do.
            logger.debug(
                "TLS handshake failed",
                metadata: ["address": "\(connection.remoteAddress ?? "")", "error": "\(error)"])
        }
        end(error is ListenerError ? .keyFailed : .failed)
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(.failed)
        context.fireChannelInactive()
    }

    private func end(_ outcome: ListenerMetrics.Handshake) {
        guard isPending else { return }
        isPending = false
        timer?.cancel()
        timer = nil
        limits.handshakeEnded(connection.party)
        metrics.handshake(outcome)
    }
}
