import CoreProtocol
import Logging
import NIOCore

/// Hands each frame of one connection to the core and writes the replies as they come.
final class CoreRequestHandler: ChannelInboundHandler {
    typealias InboundIn = CoreFrame
    typealias OutboundOut = CoreFrame

    /// How many requests of one connection may be unanswered.
    private static let maximumInFlight = 4096

    private let responder: CoreSocket.Responder
    private let logger: Logger
    private var inFlight = 0
    private var flushScheduled = false

    init(responder: @escaping CoreSocket.Responder, logger: Logger) {
        self.responder = responder
        self.logger = logger
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        guard inFlight < Self.maximumInFlight else {
            let error = CoreError(.saturated, "too many requests in flight on one connection", retryAfter: 1)
            return write(CoreFrame(id: frame.id, kind: .failure, payload: error.payload), context)
        }
        inFlight += 1
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        responder(frame) { reply in
            loop.execute {
                bound.value.handler.inFlight -= 1
                bound.value.handler.write(reply, bound.value.context)
            }
        }
    }

    /// One flush for all replies of one turn of the loop: under load many share a system call.
    private func write(_ reply: CoreFrame, _ context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(reply), promise: nil)
        guard !flushScheduled else { return }
        flushScheduled = true
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        context.eventLoop.execute {
            bound.value.handler.flushScheduled = false
            bound.value.context.flush()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        logger.warning("a connection to the core was closed", metadata: ["reason": "\(error)"])
        context.close(promise: nil)
    }
}
