import CoreProtocol
import Logging
import NIOCore
import Synchronization

/// Hands each frame of one connection to the core and writes the replies as they come.
final class CoreRequestHandler: ChannelInboundHandler {
    typealias InboundIn = CoreFrame
    typealias OutboundOut = CoreFrame

    /// How many requests of one connection may be unanswered.
    private static let maximumInFlight = 4096

    private let responder: CoreSocket.Responder
    private let logger: Logger
    private let outbox = Outbox()
    private var user: UInt32?
    private var inFlight = 0

    init(responder: @escaping CoreSocket.Responder, logger: Logger) {
        self.responder = responder
        self.logger = logger
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let peer = event as? PeerUser { user = peer.id }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        // Nothing is read before the kernel has said who it is.
        guard let user else { return context.close(promise: nil) }
        guard inFlight < Self.maximumInFlight else {
            let error = CoreError(.saturated, "too many requests in flight on one connection", retryAfter: 1)
            return context.writeAndFlush(
                wrapOutboundOut(CoreFrame(id: frame.id, kind: .failure, payload: error.payload)), promise: nil)
        }
        inFlight += 1
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        let outbox = outbox
        responder(frame, user) { reply in
            // Whoever comes before the loop does is taken along: what one sync made durable wakes it once.
            if outbox.add(reply) { loop.execute { bound.value.handler.send(bound.value.context) } }
        }
    }

    /// Writes the replies that have come, in their order, with one flush.
    private func send(_ context: ChannelHandlerContext) {
        let replies = outbox.takeAll()
        inFlight -= replies.count
        for reply in replies { context.write(wrapOutboundOut(reply), promise: nil) }
        context.flush()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        logger.warning("a connection to the core was closed", metadata: ["reason": "\(error)"])
        context.close(promise: nil)
    }
}

/// Replies that wait for the loop of their connection, in the order they came.
private final class Outbox: Sendable {
    private let replies = Mutex<[CoreFrame]>([])

    /// Adds a reply; true when it is the first since the last were taken.
    func add(_ reply: CoreFrame) -> Bool {
        replies.withLock { replies in
            replies.append(reply)
            return replies.count == 1
        }
    }

    func takeAll() -> [CoreFrame] {
        replies.withLock { replies in
            defer { replies = [] }
            return replies
        }
    }
}
