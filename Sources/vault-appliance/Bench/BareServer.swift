import HTTPTypes
import HSMBridge
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOSSL
import ServiceLifecycle

/// A bare Hummingbird server with mutual TLS: reads each request, makes one C_Sign for it, or none, and answers.
///
/// What an exchange costs beside this is what the appliance adds.
struct BareServer: Service {
    /// As long as the signing input of a usual token.
    private static let message = [UInt8](repeating: 0x61, count: 800)

    let port: Int
    let tls: TLSConfiguration
    let signer: BareSigner?
    let group: any EventLoopGroup
    let logger: Logger

    func run() async throws {
        let signer = signer
        let channel = HTTP1Channel(responder: { request, writer, _ in
            let body = try await request.body.collect(upTo: 65_536)
            let answer = if let signer { try await signer.sign(Self.message) } else { Array(Self.message.prefix(64)) }
            // A token is about as long as what it was asked for with.
            var text = ByteBuffer(bytes: answer)
            text.writeImmutableBuffer(
                body.getSlice(at: body.readerIndex, length: min(body.readableBytes, 1000)) ?? body)
            try await writer.write(response: HTTPResponse(status: .ok), body: ResponseBody(byteBuffer: text))
        })
        let server = Server(
            childChannelSetup: try TLSChannel(channel, tlsConfiguration: tls),
            configuration: ServerConfiguration(address: .hostname("127.0.0.1", port: port)),
            onServerRunning: { [logger] _ in logger.info("listening", metadata: ["port": "\(port)"]) },
            eventLoopGroup: group, logger: logger)
        try await server.run()
        await signer?.stop()
    }
}
