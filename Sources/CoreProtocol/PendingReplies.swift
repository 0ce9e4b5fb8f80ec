import NIOCore

/// The requests of one connection that wait for their reply; lives on the connection's event loop.
final class PendingReplies: ChannelInboundHandler {
    typealias InboundIn = CoreFrame
    typealias OutboundOut = CoreFrame
    typealias Completion = (Result<ByteBuffer, CoreError>) -> Void

    private struct Waiting {
        let completion: Completion
        let deadline: NIODeadline
    }

    /// A timer for all that waits: nearly every request is answered long before, and would have set one for nothing.
    private struct Timer {
        let deadline: NIODeadline
        let task: Scheduled<Void>
    }

    private var waiting: [UInt64: Waiting] = [:]
    private var nextID: UInt64 = 1
    private var isClosed = false
    private var flushScheduled = false
    private var timer: Timer?

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
        let deadline = channel.eventLoop.now + patience
        waiting[id] = Waiting(completion: completion, deadline: deadline)
        wake(at: deadline, channel.eventLoop)
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

    private func wake(at deadline: NIODeadline, _ loop: any EventLoop) {
        if let timer, timer.deadline <= deadline { return }
        timer?.task.cancel()
        let bound = NIOLoopBound(self, eventLoop: loop)
        timer = Timer(
            deadline: deadline, task: loop.scheduleTask(deadline: deadline) { bound.value.expire(at: deadline, loop) })
    }

    private func expire(at now: NIODeadline, _ loop: any EventLoop) {
        timer = nil
        let late = waiting.filter { $0.value.deadline <= now }
        for id in late.keys { waiting[id] = nil }
        if let next = waiting.values.map(\.deadline).min() { wake(at: next, loop) }
        for request in late.values {
            request.completion(.failure(CoreError(.unreachable, "the core did not answer in time")))
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        // A reply that nobody waits for any more came after its time-out.
        guard let request = waiting.removeValue(forKey: frame.id) else { return }
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
        timer?.task.cancel()
        timer = nil
        for (_, request) in orphans {
            request.completion(.failure(CoreError(.unreachable, CoreError.connectionBroke)))
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
