package import NIOCore
package import NIOSSL

/// A listener's P-256 key that never leaves the HSM: each handshake's signature is asked of the core.
///
/// nio-ssl calls `sign` on the event loop and suspends the handshake until the future completes, so other connections
/// of the same loop go on. The core refuses anything but a TLS 1.3 server CertificateVerify (RFC 8446 section 4.4.3).
package struct HSMTLSKey: NIOSSLCustomPrivateKey, Hashable {
    /// Signs `data` with the key of a kid; the result is a DER ECDSA signature (RFC 3279 section 2.2.3).
    package typealias Signer = @Sendable (_ kid: String, _ data: [UInt8]) async throws -> [UInt8]

    /// The label of the key in its token.
    package let label: String
    /// RFC 7638 thumbprint: which of the tokens' keys of this label it is.
    package let kid: String
    /// The public point, x || y, 64 bytes.
    package let publicKey: [UInt8]
    private let signer: Signer

    /// A key by its names and public point; `signer` is called once a handshake.
    package init(label: String, kid: String, publicKey: [UInt8], signer: @escaping Signer) {
        self.label = label
        self.kid = kid
        self.publicKey = publicKey
        self.signer = signer
    }

    /// The one algorithm offered: a P-256 key can do no other in TLS 1.3 (RFC 8446 section 4.2.3).
    package var signatureAlgorithms: [SignatureAlgorithm] { [.ecdsaSecp256R1Sha256] }

    /// Asks the core for a signature; a connection that goes away meanwhile cancels the wait.
    package func sign(
        channel: any Channel, algorithm: SignatureAlgorithm, data: ByteBuffer
    ) -> EventLoopFuture<ByteBuffer> {
        let promise = channel.eventLoop.makePromise(of: ByteBuffer.self)
        let input = Array(data.readableBytesView)
        let task = Task {
            do {
                promise.succeed(ByteBuffer(bytes: try await signer(kid, input)))
            } catch {
                promise.fail(ListenerError(.keyFailed, "key \(label): \(error)"))
            }
        }
        channel.closeFuture.whenComplete { _ in task.cancel() }
        return promise.futureResult
    }

    /// Refused: only RSA key exchange decrypts, and TLS 1.3 has none.
    package func decrypt(channel: any Channel, data: ByteBuffer) -> EventLoopFuture<ByteBuffer> {
        channel.eventLoop.makeFailedFuture(ListenerError(.keyFailed, "key \(label): cannot decrypt"))
    }

    /// Keys are equal when their names and public points are.
    package static func == (left: HSMTLSKey, right: HSMTLSKey) -> Bool {
        left.label == right.label && left.kid == right.kid && left.publicKey == right.publicKey
    }

    /// Hashes what equality compares.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(label)
        hasher.combine(kid)
        hasher.combine(publicKey)
    }
}
