import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import VaultAppliance

/// Rule 13: a session must not resume past the verification of the client's certificate.
@Suite(.timeLimit(.minutes(10))) struct ResumptionTests {
    /// Connects twice, the second time with the session of the first; returns what openssl says of the second.
    private func resume(_ tls: TestTLS, port: Int) async throws -> String {
        let session = tls.directory.path + "/session.pem"
        let first = try await OpenSSL.connect(port: port, ["-sess_out", session])
        #expect(first.contains("New, TLSv1.3"))
        // Not "Reused" must not come from there being nothing to use.
        #expect(first.contains("Post-Handshake New Session Ticket arrived"))
        return try await OpenSSL.connect(port: port, ["-sess_in", session])
    }

    @Test func aTicketOfOneConnectionDoesNotResumeAnother() async throws {
        let tls = try TestTLS()
        let second = try await TestServer.run(.echo, transport: tls.transport()) { server in
            try await resume(tls, port: server.port)
        }
        #expect(second.contains("New, TLSv1.3"))
        #expect(!second.contains("Reused"))
    }

    /// The control: the same procedure against a server that shares one context must see the session resumed.
    @Test func aServerWithOneContextForAllConnectionsWouldResume() async throws {
        let tls = try TestTLS()
        let identity = try tls.identity(verifiesClients: false)
        let context = try NIOSSLContext(configuration: identity.configuration(verifyingBy: nil))
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(
                        NIOSSLServerHandler(context: context), CloseOnRead())
                }
            }.bind(host: "127.0.0.1", port: 0).get()
        let second = try await resume(tls, port: try #require(server.localAddress?.port))
        try await server.close()
        #expect(second.contains("Reused, TLSv1.3"))
    }
}

private final class CloseOnRead: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.close(promise: nil) }
}
