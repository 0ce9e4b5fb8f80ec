import CoreProtocol
import NIOCore
import NIOEmbedded
import Testing

@Suite struct CoreFrameTests {
    private func encoded(_ frames: [CoreFrame]) throws -> ByteBuffer {
        var buffer = ByteBuffer()
        for frame in frames { try CoreFrameEncoder().encode(data: frame, out: &buffer) }
        return buffer
    }

    private func channel() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(CoreFrameDecoder()))
        return channel
    }

    private let frames = [
        CoreFrame(id: 1, kind: .describe, payload: ByteBuffer()),
        CoreFrame(id: .max, kind: .sign, payload: ByteBuffer(string: "payload")),
    ]

    @Test func framesComeOutAsTheyWentInHoweverTheStreamIsCut() throws {
        let bytes = try encoded(frames)
        for size in 1...bytes.readableBytes {
            let channel = try channel()
            var rest = bytes
            while rest.readableBytes > 0 {
                let piece = rest.readSlice(length: min(size, rest.readableBytes))
                try channel.writeInbound(try #require(piece))
            }
            for frame in frames { #expect(try channel.readInbound(as: CoreFrame.self) == frame) }
        }
    }

    @Test(
        "a frame with a bad length or an unknown kind is an error",
        arguments: [
            [0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1], [0xFF, 0xFF, 0xFF, 0xFF, 0],
            [0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 99],
        ] as [[UInt8]])
    func badFrames(bytes: [UInt8]) throws {
        let channel = try channel()
        #expect(throws: CoreError.self) { try channel.writeInbound(ByteBuffer(bytes: bytes)) }
    }

    @Test func anErrorTravelsWithItsCodeReasonAndRetryAfter() {
        let error = CoreError(payload: CoreError(.saturated, "the queue is full", retryAfter: 3).payload)
        #expect(error.code == .saturated && error.reason == "the queue is full" && error.retryAfter == 3)
        #expect(CoreError(payload: CoreError(.sealed, "sealed").payload).retryAfter == nil)
    }

    @Test func anErrorThatCannotBeReadIsAnErrorToo() {
        #expect(CoreError(payload: ByteBuffer(string: "nonsense")).code == .malformed)
    }
}
