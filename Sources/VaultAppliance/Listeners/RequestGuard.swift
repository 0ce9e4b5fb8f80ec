import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Bounds the life of each request on a connection: in time, and to well-formed messages.
///
/// It answers for the application what the application cannot see: bytes that are no HTTP (400, 431), a request that
/// does not arrive (408) and one that is not answered (503) in time. After such an answer, and after one that says
/// `Connection: close`, the connection ends.
final class RequestGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let timeout: TimeAmount
    /// Requests begun and not yet fully answered; more than one when a client pipelines.
    private var unanswered = 0
    private var isReading = false
    private var isWriting = false
    private var closesAfterAnswer = false
    private var isFinished = false
    private var deadline = NIODeadline.distantFuture
    private var timer: Scheduled<Void>?

    /// A guard that gives each request `timeout`.
    init(timeout: TimeAmount) { self.timeout = timeout }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        timer = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isFinished else { return }
        switch unwrapInboundIn(data) {
        case .head:
            unanswered += 1
            isReading = true
            if unanswered == 1 { startClock(context) }
        case .body: break
        case .end: isReading = false
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isFinished else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(let head):
            isWriting = true
            closesAfterAnswer = head.headerFields[.connection] == "close"
        case .body: break
        case .end:
            isWriting = false
            unanswered -= 1
            if closesAfterAnswer {
                isFinished = true
                context.writeAndFlush(data, promise: promise)
                return context.close(promise: nil)
            }
            if unanswered > 0 { startClock(context) }
        }
        context.write(data, promise: promise)
    }

    /// Answers for a message that cannot be parsed; the error goes on, so that a body cut short never looks complete.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? HTTPParserError {
            finish(context, with: error == .headerOverflow ? .headerTooLarge : .malformedMessage)
        }
        context.fireErrorCaught(error)
    }

    /// One timer a connection, set anew only when it fires: most requests end long before.
    private func startClock(_ context: ChannelHandlerContext) {
        deadline = context.eventLoop.now + timeout
        if timer == nil { schedule(context) }
    }

    private func schedule(_ context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.timer = nil
            guard self.unanswered > 0, !self.isFinished else { return }
            if context.eventLoop.now < self.deadline { return self.schedule(context) }
            let isReading = self.isReading
            self.finish(context, with: isReading ? .requestTimeout : .answerTimeout)
            if isReading { context.fireErrorCaught(ChannelError.inputClosed) }
        }
    }

    /// Answers unless another answer is on its way, and closes.
    private func finish(_ context: ChannelHandlerContext, with refusal: Refusal) {
        guard !isFinished else { return }
        isFinished = true
        if !isWriting, unanswered <= 1 {
            let answer = refusal.response
            context.write(wrapOutboundOut(.head(answer.head)), promise: nil)
            context.write(wrapOutboundOut(.body(ByteBuffer(bytes: refusal.body))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
        context.close(promise: nil)
    }
}
