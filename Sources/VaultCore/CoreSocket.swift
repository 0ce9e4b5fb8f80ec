package import CoreProtocol
import Glibc
package import Logging
package import NIOCore
import NIOPosix

/// A Unix socket of the core: accepts the peers it may, cuts frames, hands them on, writes the replies.
package struct CoreSocket: Sendable {
    /// Answers one frame of a user, whom the kernel vouches for; may call back on any thread, once.
    package typealias Responder =
        @Sendable (CoreFrame, _ user: UInt32, _ reply: @escaping @Sendable (CoreFrame) -> Void) -> Void

    private let channel: any Channel

    /// Binds the socket.
    ///
    /// An old file is replaced only if nobody answers on it.
    package static func bind(
        path: String, users: Set<UInt32>, group: any EventLoopGroup, logger: Logger, responder: @escaping Responder
    ) async throws -> CoreSocket {
        if let other = try? await CoreConnection.connect(path: path, group: group) {
            other.close()
            throw StartError(
                file: path, problem: "another core answers on this socket", mend: "stop it, or choose another socket")
        }
        do {
            let channel = try await ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 64)
                .childChannelInitializer { child in
                    child.eventLoop.makeCompletedFuture {
                        let pipeline = child.pipeline.syncOperations
                        try pipeline.addHandler(PeerCheck(users: users, logger: logger))
                        // A peer that reads no replies is read no further: else they would pile up here without bound.
                        try pipeline.addHandler(BackPressureHandler())
                        try pipeline.addHandler(ByteToMessageHandler(CoreFrameDecoder()))
                        try pipeline.addHandler(MessageToByteHandler(CoreFrameEncoder()))
                        try pipeline.addHandler(CoreRequestHandler(responder: responder, logger: logger))
                    }
                }
                .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true)
                .get()
            try restrict(path, to: users)
            return CoreSocket(channel: channel)
        } catch let error as StartError {
            throw error
        } catch {
            throw StartError(
                file: path, problem: "cannot be bound (\(error))", mend: "create its directory, writable for the core")
        }
    }

    /// Peer credentials decide who may connect; the mode only keeps others out when nobody else is meant to.
    private static func restrict(_ path: String, to users: Set<UInt32>) throws {
        let mode: mode_t = users == [getuid()] ? 0o600 : 0o666
        // Safety: the string lives through the call.
        guard unsafe chmod(path, mode) == 0 else {
            throw StartError(file: path, problem: "its mode cannot be set", mend: "check who owns its directory")
        }
    }

    /// Stops accepting; connections that are open stay open until their peers leave.
    package func close() async {
        try? await channel.close()
    }
}

/// Lets only the configured users speak: the kernel vouches for who they are.
final class PeerCheck: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let users: Set<UInt32>
    private let logger: Logger

    init(users: Set<UInt32>, logger: Logger) {
        self.users = users
        self.logger = logger
    }

    func channelActive(context: ChannelHandlerContext) {
        let provider = context.channel as? any SocketOptionProvider
        guard let provider else { return context.close(promise: nil) }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        // The answer comes in the same turn of the loop: nothing is read from the peer before it.
        provider.unsafeGetSocketOption(level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
            .assumeIsolated()
            .whenComplete { (result: Result<PeerCredentials, any Error>) in
                let context = bound.value
                guard case .success(let peer) = result, self.users.contains(peer.user) else {
                    self.logger.warning("a user that is not allowed tried to connect", metadata: ["socket": "core"])
                    context.close(promise: nil)
                    return
                }
                context.fireUserInboundEventTriggered(PeerUser(id: peer.user))
                context.fireChannelActive()
            }
    }
}

/// Who speaks on a connection, told to the handlers behind `PeerCheck` before they hear anything else.
struct PeerUser: Sendable {
    let id: UInt32
}

/// What SO_PEERCRED returns: `struct ucred` of unix(7), which the Glibc module does not export.
private struct PeerCredentials {
    var process: Int32 = 0
    var user: UInt32 = 0
    var group: UInt32 = 0
}
