import Crypto
package import NIOSSL

/// The authorities that the certificates of a listener's clients chain to.
///
/// They are part of the bundle: approved with it, and in force and out of force with it.
package final class ClientAuthorities: Sendable {
    /// The certificates of the PEM text, at least one.
    package let certificates: [NIOSSLCertificate]
    private let digest: SHA256Digest

    /// Takes the bytes of a PEM file.
    package init(pem: [UInt8]) throws(ListenerError) {
        certificates = (try? NIOSSLCertificate.fromPEMBytes(pem)) ?? []
        digest = SHA256.hash(data: pem)
        guard !certificates.isEmpty else { throw ListenerError(.malformedCertificate, "holds no certificate in PEM") }
    }

    /// Whether these were made of the same bytes as others; allocates nothing, for it is asked with every request.
    func isSame(as other: ClientAuthorities) -> Bool { self === other || digest == other.digest }
}
