package import NIOCore
import NIOPosix

/// One connection to a core socket: many requests in flight, each answered once.
package struct CoreConnection: Sendable {
    private let channel: any Channel
    private let pending: NIOLoopBound<PendingReplies>

    /// Connects to a Unix socket.
    package static func connect(
        path: String, group: any EventLoopGroup, timeout: TimeAmount = .seconds(2)
    ) async throws(CoreError) -> CoreConnection {
        do {
            return try await ClientBootstrap(group: group)
                .connectTimeout(timeout)
                .connect(unixDomainSocketPath: path) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pending = PendingReplies()
                        let pipeline = channel.pipeline.syncOperations
                        try pipeline.addHandler(ByteToMessageHandler(CoreFrameDecoder()))
                        try pipeline.addHandler(MessageToByteHandler(CoreFrameEncoder()))
                        try pipeline.addHandler(pending)
                        return CoreConnection(
                            channel: channel, pending: NIOLoopBound(pending, eventLoop: channel.eventLoop))
                    }
                }
        } catch {
            throw CoreError(.unreachable, "cannot connect to the core's socket \(path)")
        }
    }

    /// Sends a request and waits for its reply; `deadline` bounds the wait.
    package func call(
        _ kind: CoreFrame.Kind, _ payload: ByteBuffer, within patience: Duration
    ) async throws(CoreError) -> ByteBuffer {
        let pending = pending
        let channel = channel
        let wait = TimeAmount(patience)
        let result: Result<ByteBuffer, CoreError> = await withCheckedContinuation { continuation in
            // A caller that is on the connection's own loop needs no other turn of it.
            guard !channel.eventLoop.inEventLoop else {
                return pending.value.send(kind, payload, on: channel, within: wait) {
                    continuation.resume(returning: $0)
                }
            }
            channel.eventLoop.execute {
                pending.value.send(kind, payload, on: channel, within: wait) { continuation.resume(returning: $0) }
            }
        }
        return try result.get()
    }

    /// Whether the caller runs on the loop of this connection.
    var isOnLoop: Bool { channel.eventLoop.inEventLoop }

    /// Ends when the connection has.
    package func closed() async {
        try? await channel.closeFuture.get()
    }

    /// Closes the connection; every request in flight fails with `unreachable`.
    package func close() {
        channel.close(promise: nil)
    }
}
