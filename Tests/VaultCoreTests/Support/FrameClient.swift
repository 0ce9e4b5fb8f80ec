import CoreProtocol
import NIOCore
import NIOPosix

/// A client of a core's socket that sends whatever bytes a test wants and reads frames until the core closes.
struct FrameClient {
    typealias Frames = NIOAsyncChannelInboundStream<CoreFrame>.AsyncIterator

    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>

    /// Connects for the length of `body`.
    static func run(
        _ path: String, _ body: (FrameClient, inout Frames) async throws -> Void
    ) async throws {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(unixDomainSocketPath: path) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(CoreFrameDecoder()))
                    return try NIOAsyncChannel<CoreFrame, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        try await channel.executeThenClose { inbound, outbound in
            var frames = inbound.makeAsyncIterator()
            try await body(FrameClient(outbound: outbound), &frames)
        }
    }

    /// Sends bytes, whatever they are.
    func send(_ bytes: some Sequence<UInt8>) async throws { try await outbound.write(ByteBuffer(bytes: bytes)) }

    /// Sends a frame.
    func send(_ kind: CoreFrame.Kind, _ payload: ByteBuffer = ByteBuffer(), id: UInt64 = 1) async throws {
        try await outbound.write(try Self.bytes(kind, payload, id: id))
    }

    /// The bytes of a frame.
    static func bytes(
        _ kind: CoreFrame.Kind, _ payload: ByteBuffer = ByteBuffer(), id: UInt64 = 1
    ) throws -> ByteBuffer {
        var buffer = ByteBuffer()
        try CoreFrameEncoder().encode(data: CoreFrame(id: id, kind: kind, payload: payload), out: &buffer)
        return buffer
    }
}
