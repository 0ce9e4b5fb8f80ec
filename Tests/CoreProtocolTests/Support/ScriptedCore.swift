import CoreProtocol
import Foundation
import NIOCore
import NIOPosix

/// The other end of a connection: a Unix socket that does with each frame what a test says.
struct ScriptedCore {
    /// What happens with a frame; the number counts the frames of the connection from 1.
    typealias Script = @Sendable (_ frame: CoreFrame, _ number: Int, _ channel: any Channel) -> Void

    let path: String
    private let server: any Channel

    /// Runs `body` with a connection to a server that follows the script.
    static func run(
        _ script: @escaping Script, _ body: (CoreConnection) async throws -> Void
    ) async throws {
        let core = try await ScriptedCore(script)
        let connection = try await CoreConnection.connect(path: core.path, group: .singletonMultiThreadedEventLoopGroup)
        do {
            try await body(connection)
        } catch {
            await core.close(connection)
            throw error
        }
        await core.close(connection)
    }

    /// A path for a socket, short enough for sun_path.
    static func freshPath() -> String { NSTemporaryDirectory() + "vault-core-\(UUID().uuidString.prefix(8)).sock" }

    private init(_ script: @escaping Script) async throws {
        path = Self.freshPath()
        server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    let pipeline = child.pipeline.syncOperations
                    try pipeline.addHandler(ByteToMessageHandler(CoreFrameDecoder()))
                    try pipeline.addHandler(ScriptHandler(script))
                }
            }
            .bind(unixDomainSocketPath: path).get()
    }

    private func close(_ connection: CoreConnection) async {
        connection.close()
        try? await server.close()
    }

    /// The bytes of a frame.
    static func bytes(_ frame: CoreFrame) -> ByteBuffer {
        var buffer = ByteBuffer()
        try? CoreFrameEncoder().encode(data: frame, out: &buffer)
        return buffer
    }
}

extension CoreFrame {
    /// The answer to this frame.
    func answer(_ payload: ByteBuffer, kind: Kind = .success) -> ByteBuffer {
        ScriptedCore.bytes(CoreFrame(id: id, kind: kind, payload: payload))
    }
}

private final class ScriptHandler: ChannelInboundHandler {
    typealias InboundIn = CoreFrame

    private let script: ScriptedCore.Script
    private var count = 0

    init(_ script: @escaping ScriptedCore.Script) { self.script = script }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        count += 1
        script(unwrapInboundIn(data), count, context.channel)
    }
}
