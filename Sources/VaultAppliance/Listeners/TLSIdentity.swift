import Crypto
import FoundationEssentials
import NIOCore
import NIOSSL
package import StrictEncoding
import SwiftASN1
import Synchronization
import X509

/// A listener's certificate chain and HSM key, and the authorities whose clients it verifies.
///
/// Everything is read, parsed and checked at load; a connection only takes the finished configuration. `reload` puts a
/// new chain in force for new connections, or leaves the old one and says why.
package final class TLSIdentity: Sendable {
    private struct Loaded {
        let configuration: TLSConfiguration
        let leaf: PeerCertificate
    }

    private let chainFile: String
    private let clientAuthoritiesFile: String?
    private let key: HSMTLSKey
    private let loaded: Mutex<Loaded>

    /// Loads a chain (PEM, the leaf first) for `key`; without `clientAuthoritiesFile` no client is asked to show one.
    package init(
        chainFile: String, clientAuthoritiesFile: String? = nil, key: HSMTLSKey, now: UnixTime
    ) throws(ListenerError) {
        self.chainFile = chainFile
        self.clientAuthoritiesFile = clientAuthoritiesFile
        self.key = key
        loaded = Mutex(try Self.load(chainFile, clientAuthoritiesFile, key, now))
    }

    /// Reads the files again, for new connections; on an error the old chain stays in force.
    package func reload(now: UnixTime) throws(ListenerError) {
        let new = try Self.load(chainFile, clientAuthoritiesFile, key, now)
        loaded.withLock { $0 = new }
    }

    /// The leaf certificate in force: its names, `notAfter` and fingerprint, for status and metrics.
    package var leaf: PeerCertificate { loaded.withLock { $0.leaf } }

    /// The configuration of new connections.
    var configuration: TLSConfiguration { loaded.withLock { $0.configuration } }

    private static func load(
        _ chainFile: String, _ authoritiesFile: String?, _ key: HSMTLSKey, _ now: UnixTime
    ) throws(ListenerError) -> Loaded {
        let chain = try read(chainFile)
        let leaf = try check(chain, of: chainFile, for: key)
        guard leaf.isValid(at: now) else {
            throw ListenerError(
                .outsideValidity,
                "\(chainFile): valid from \(leaf.notBefore.rfc3339) to \(leaf.notAfter.rfc3339); install a new chain")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(NIOSSLPrivateKey(customPrivateKey: key)))
        configuration.minimumTLSVersion = .tlsv13
        configuration.maximumTLSVersion = .tlsv13
        configuration.applicationProtocols = ["http/1.1"]
        configuration.shutdownTimeout = .seconds(1)
        if let authoritiesFile {
            configuration.certificateVerification = .optionalVerification
            configuration.trustRoots = .certificates(try read(authoritiesFile))
        }
        return Loaded(configuration: configuration, leaf: leaf)
    }

    private static func read(_ path: String) throws(ListenerError) -> [NIOSSLCertificate] {
        let bytes: [UInt8]
        do {
            bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw ListenerError(.unreadableFile, "\(path): cannot be read; check that it is there and its permissions")
        }
        let certificates = (try? NIOSSLCertificate.fromPEMBytes(bytes)) ?? []
        guard !certificates.isEmpty else {
            throw ListenerError(.malformedCertificate, "\(path): holds no PEM certificates")
        }
        return certificates
    }

    /// Checks that the leaf is for the key and each certificate is issued by the next one; returns the leaf.
    private static func check(
        _ chain: [NIOSSLCertificate], of path: String, for key: HSMTLSKey
    ) throws(ListenerError) -> PeerCertificate {
        let encoded: [[UInt8]]
        let parsed: [Certificate]
        do {
            encoded = try chain.map { try $0.toDERBytes() }
            parsed = try encoded.map { try Certificate(derEncoded: $0) }
        } catch {
            throw ListenerError(.malformedCertificate, "\(path): \(error)")
        }
        let point = P256.Signing.PublicKey(parsed[0].publicKey)?.rawRepresentation
        guard let point, Array(point) == key.publicKey else {
            throw ListenerError(
                .keyMismatch,
                "\(path): the first certificate is not for the HSM key \(key.label); make a request with tls csr")
        }
        for (certificate, issuer) in zip(parsed, parsed.dropFirst()) where certificate.issuer != issuer.subject {
            throw ListenerError(.brokenChain, "\(path): put the leaf first and each issuer after what it issued")
        }
        return PeerCertificate(parsed[0], der: encoded[0])
    }
}
