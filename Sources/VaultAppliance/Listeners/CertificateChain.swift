import Crypto
import NIOSSL
import SwiftASN1
import X509

/// The certificate chain of one of a listener's keys, the leaf first.
struct CertificateChain {
    let key: HSMTLSKey
    let leaf: PeerCertificate
    private(set) var certificates: [NIOSSLCertificate]
    private var last: Certificate

    /// Cuts a file's certificates into chains: one begins with each certificate that is for one of the keys.
    ///
    /// Each certificate must be issued by the next one of its chain. A chain for a key that the listener has no more, as of a
    /// token that has left, is passed over.
    static func split(
        _ certificates: [NIOSSLCertificate], of path: String, for keys: [HSMTLSKey]
    ) throws(ListenerError) -> [CertificateChain] {
        var chains: [CertificateChain] = []
        // The last certificate of a chain that is passed over.
        var passed: Certificate?
        for certificate in certificates {
            let (encoded, parsed) = try read(certificate, path)
            if let key = key(of: parsed, among: keys) {
                guard !chains.contains(where: { $0.key == key }) else {
                    throw ListenerError(.brokenChain, "\(path): holds two chains for one key; remove the older one")
                }
                chains.append(
                    CertificateChain(
                        key: key, leaf: PeerCertificate(parsed, der: encoded), certificates: [certificate],
                        last: parsed))
                passed = nil
            } else if let last = passed ?? chains.last?.last, last.issuer == parsed.subject {
                if passed == nil { chains[chains.count - 1].append(certificate, parsed) } else { passed = parsed }
            } else if isAuthority(parsed) {
                guard !chains.isEmpty else { throw mismatch(path, keys) }
                throw ListenerError(.brokenChain, "\(path): put the leaf first and each issuer after what it issued")
            } else {
                passed = parsed
            }
        }
        guard !chains.isEmpty else { throw mismatch(path, keys) }
        return chains
    }

    /// RFC 5280 section 4.2.1.9.
    private static func isAuthority(_ certificate: Certificate) -> Bool {
        guard case .isCertificateAuthority? = try? certificate.extensions.basicConstraints else { return false }
        return true
    }

    private mutating func append(_ certificate: NIOSSLCertificate, _ parsed: Certificate) {
        certificates.append(certificate)
        last = parsed
    }

    private static func read(
        _ certificate: NIOSSLCertificate, _ path: String
    ) throws(ListenerError) -> ([UInt8], Certificate) {
        do {
            let encoded = try certificate.toDERBytes()
            return (encoded, try Certificate(derEncoded: encoded))
        } catch {
            throw ListenerError(.malformedCertificate, "\(path): \(error)")
        }
    }

    private static func key(of certificate: Certificate, among keys: [HSMTLSKey]) -> HSMTLSKey? {
        guard let point = P256.Signing.PublicKey(certificate.publicKey)?.rawRepresentation else { return nil }
        return keys.first { $0.publicKey == Array(point) }
    }

    private static func mismatch(_ path: String, _ keys: [HSMTLSKey]) -> ListenerError {
        ListenerError(
            .keyMismatch,
            "\(path): the first certificate is not for the HSM key \(keys.first?.label ?? "-"); "
                + "make a request with tls csr")
    }
}
