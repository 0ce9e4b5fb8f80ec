import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

/// A client that sends bytes as they are and reads HTTP/1.1 answers, with TLS or without.
final class TestConnection {
    /// One answer.
    struct Answer {
        var status: Int
        var fields: [String: String]
        var body: String
    }
    /// The connection ended before a whole answer was there.
    struct Ended: Error {}

    private let channel: any Channel
    private var inbound: AsyncThrowingStream<ByteBuffer, any Error>.Iterator
    private var received = ByteBuffer()

    private init(_ channel: any Channel, _ inbound: AsyncThrowingStream<ByteBuffer, any Error>) {
        self.channel = channel
        self.inbound = inbound.makeAsyncIterator()
    }

    /// Connects; with TLS the handshake is complete on the client's side, which in TLS 1.3 does not wait for the
    /// server's verdict on a client certificate.
    static func open(port: Int, tls: TLSConfiguration? = nil) async throws -> TestConnection {
        let (stream, continuation) = AsyncThrowingStream.makeStream(of: ByteBuffer.self)
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: context, serverHostname: "vault.test"))
                    }
                    try channel.pipeline.syncOperations.addHandler(ByteCollector(continuation))
                }
            }.connect(host: "127.0.0.1", port: port).get()
        return TestConnection(channel, stream)
    }

    func send(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)) }

    /// Closes without waiting.
    func close() { channel.close(promise: nil) }

    /// Ends the client's half of a plain connection.
    func finishSending() async throws { try await channel.close(mode: .output) }

    /// Sends a form to a path and reads the answer.
    func post(_ path: String, _ body: String = "grant_type=x", fields: String = "") async throws -> Answer {
        try await send(
            "POST \(path) HTTP/1.1\r\nHost: vault.test\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)")
        return try await answer()
    }

    /// Reads what there is of a path.
    func get(_ path: String, method: String = "GET", fields: String = "") async throws -> Answer {
        try await send("\(method) \(path) HTTP/1.1\r\nHost: vault.test\r\n\(fields)\r\n")
        return try await answer(hasBody: method != "HEAD")
    }

    /// The next answer; throws when the connection ends first.
    func answer(hasBody: Bool = true) async throws -> Answer {
        let end = Array("\r\n\r\n".utf8)
        var head: String?
        while head == nil {
            let view = received.readableBytesView
            if let range = view.indices.first(where: { view[$0...].starts(with: end) }) {
                head = received.readString(length: range - view.startIndex)
                received.moveReaderIndex(forwardBy: end.count)
            } else {
                try await receive()
            }
        }
        let lines = (head ?? "").split(separator: "\r\n")
        var answer = Answer(status: Int(lines[0].split(separator: " ")[1]) ?? 0, fields: [:], body: "")
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            answer.fields[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
        }
        guard hasBody, let length = answer.fields["content-length"].flatMap(Int.init) else { return answer }
        while received.readableBytes < length { try await receive() }
        answer.body = received.readString(length: length) ?? ""
        return answer
    }

    /// Waits for the end of the connection, and returns what came before it.
    func rest() async -> String {
        do {
            while true { try await receive() }
        } catch {
            return received.readString(length: received.readableBytes) ?? ""
        }
    }

    private func receive() async throws {
        guard let next = try await inbound.next() else { throw Ended() }
        received.writeImmutableBuffer(next)
    }
}

private final class ByteCollector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let continuation: AsyncThrowingStream<ByteBuffer, any Error>.Continuation

    init(_ continuation: AsyncThrowingStream<ByteBuffer, any Error>.Continuation) { self.continuation = continuation }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { continuation.yield(unwrapInboundIn(data)) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        continuation.finish(throwing: error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { continuation.finish() }
}
