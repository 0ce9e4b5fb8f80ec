import NIOCore

/// The requests of one connection that wait for their reply; lives on the connection's event loop.
final class PendingReplies: ChannelInboundHandler {
    typealias InboundIn = CoreFrame
    typealias OutboundOut = CoreFrame
    typealias Completion = (Result<ByteBuffer, CoreError>) -> Void

    private struct Waiting {
        let completion: Completion
        let timeout: Scheduled<Void>
    }

    private var waiting: [UInt64: Waiting] = [:]
    private var nextID: UInt64 = 1
    private var isClosed = false
    private var flushScheduled = false

    /// Must be called on the connection's event loop.
    func send(
        _ kind: CoreFrame.Kind, _ payload: ByteBuffer, on channel: any Channel, within patience: TimeAmount,
        completion: @escaping Completion
    ) {
        guard !isClosed else { return completion(.failure(CoreError(.unreachable, "the core closed its socket"))) }
        guard CoreFrame.headerLength + payload.readableBytes <= CoreFrame.maximumLength else {
            return completion(.failure(CoreError(.malformed, "the request is too large for a frame")))
        }
        let id = nextID
        nextID += 1
        let bound = NIOLoopBound(self, eventLoop: channel.eventLoop)
        let timeout = channel.eventLoop.scheduleTask(in: patience) { bound.value.expire(id) }
        waiting[id] = Waiting(completion: completion, timeout: timeout)
        channel.write(CoreFrame(id: id, kind: kind, payload: payload), promise: nil)
        scheduleFlush(channel)
    }

    /// One flush for all that is written in one turn of the loop: under load many requests share a system call.
    private func scheduleFlush(_ channel: any Channel) {
        guard !flushScheduled else { return }
        flushScheduled = true
        let bound = NIOLoopBound(self, eventLoop: channel.eventLoop)
        channel.eventLoop.execute {
            bound.value.flushScheduled = false
            channel.flush()
        }
    }

    private func expire(_ id: UInt64) {
        waiting.removeValue(forKey: id)?.completion(
            .failure(CoreError(.unreachable, "the core did not answer in time")))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        // A reply that nobody waits for any more came after its time-out.
        guard let request = waiting.removeValue(forKey: frame.id) else { return }
        request.timeout.cancel()
        switch frame.kind {
        case .success: request.completion(.success(frame.payload))
        case .failure: request.completion(.failure(CoreError(payload: frame.payload)))
        default: request.completion(.failure(CoreError(.malformed, "a reply of an unknown kind")))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        isClosed = true
        let orphans = waiting
        waiting = [:]
        for (_, request) in orphans {
            request.timeout.cancel()
            request.completion(.failure(CoreError(.unreachable, "the connection to the core broke")))
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
