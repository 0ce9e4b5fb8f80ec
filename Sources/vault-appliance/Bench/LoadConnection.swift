import NIOCore
import NIOHTTP1
import NIOSSL
import NIOTLS

/// One keep-alive connection of the load generator: sends the next request as soon as the last is answered.
final class LoadConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// What became of one request.
    struct Sample {
        var nanoseconds: Int64
        var status: UInt
    }

    private let nextRequest: () -> LoadRequest?
    private let onSample: (Sample) -> Void
    private var started = NIODeadline.now()
    private var status: UInt = 0

    /// `nextRequest` gives a whole request, nil when the run is over; `onSample` hears each answer.
    init(nextRequest: @escaping () -> LoadRequest?, onSample: @escaping (Sample) -> Void) {
        self.nextRequest = nextRequest
        self.onSample = onSample
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted = event { send(context) }
        context.fireUserInboundEventTriggered(event)
    }

    private func send(_ context: ChannelHandlerContext) {
        guard let request = nextRequest() else { return context.close(promise: nil) }
        started = .now()
        context.write(wrapOutboundOut(.head(request.head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(request.body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): status = head.status.code
        case .body: break
        case .end:
            onSample(Sample(nanoseconds: (NIODeadline.now() - started).nanoseconds, status: status))
            send(context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        onSample(Sample(nanoseconds: 0, status: 0))
        context.close(promise: nil)
    }
}
