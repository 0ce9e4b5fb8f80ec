import FoundationEssentials
import NIOCore
import NIOSSL
package import StrictEncoding
import Synchronization

/// A listener's certificate chains and HSM keys, and the authorities whose clients it verifies.
///
/// Each token has a key of its own for the listener, and each such key a chain of its own; a connection takes the first
/// whose token is well. Everything is read, parsed and checked at load; a connection only takes the finished
/// configuration. `reload` puts new chains in force for new connections, or leaves the old ones and says why.
package final class TLSIdentity: Sendable {
    /// The chain of one key.
    private struct Face {
        let kid: String
        let configuration: TLSConfiguration
        let leaf: PeerCertificate
    }

    private let chainFile: String
    private let clientAuthoritiesFile: String?
    private let keys: @Sendable () -> [HSMTLSKey]
    private let isAvailable: @Sendable (_ kid: String) -> Bool
    /// At least one, in the order of the file.
    private let faces: Mutex<[Face]>

    /// Loads the chains of one file (PEM, each leaf first) for `keys`; without `clientAuthoritiesFile` no client is asked
    /// to show one.
    package convenience init(
        chainFile: String, clientAuthoritiesFile: String? = nil, keys: [HSMTLSKey], now: UnixTime,
        isAvailable: @escaping @Sendable (_ kid: String) -> Bool = { _ in true }
    ) throws(ListenerError) {
        try self.init(
            chainFile: chainFile, clientAuthoritiesFile: clientAuthoritiesFile, currentKeys: { keys }, now: now,
            isAvailable: isAvailable)
    }

    /// The same where tokens come and go: each `reload` asks which keys the listener has by then.
    init(
        chainFile: String, clientAuthoritiesFile: String? = nil,
        currentKeys keys: @escaping @Sendable () -> [HSMTLSKey], now: UnixTime,
        isAvailable: @escaping @Sendable (_ kid: String) -> Bool
    ) throws(ListenerError) {
        self.chainFile = chainFile
        self.clientAuthoritiesFile = clientAuthoritiesFile
        self.keys = keys
        self.isAvailable = isAvailable
        faces = Mutex(try Self.load(chainFile, clientAuthoritiesFile, keys(), now))
    }

    /// Reads the files again, for new connections; on an error the old chains stay in force.
    package func reload(now: UnixTime) throws(ListenerError) {
        let new = try Self.load(chainFile, clientAuthoritiesFile, keys(), now)
        faces.withLock { $0 = new }
    }

    /// The leaf certificate in force: its names, `notAfter` and fingerprint, for status and metrics.
    package var leaf: PeerCertificate { current.leaf }

    /// The leaf certificates of all keys that have one.
    package var leaves: [PeerCertificate] { faces.withLock { $0.map(\.leaf) } }

    /// The configuration of new connections.
    var configuration: TLSConfiguration { current.configuration }

    /// The first whose token is well; where none is, the first.
    private var current: Face {
        let faces = faces.withLock { $0 }
        return faces.first { isAvailable($0.kid) } ?? faces[0]
    }

    private static func load(
        _ chainFile: String, _ authoritiesFile: String?, _ keys: [HSMTLSKey], _ now: UnixTime
    ) throws(ListenerError) -> [Face] {
        let chains = try CertificateChain.split(try read(chainFile), of: chainFile, for: keys)
        let authorities: [NIOSSLCertificate]? = if let authoritiesFile { try read(authoritiesFile) } else { nil }
        var faces: [Face] = []
        for chain in chains {
            let leaf = chain.leaf
            guard leaf.isValid(at: now) else {
                throw ListenerError(
                    .outsideValidity,
                    "\(chainFile): valid from \(leaf.notBefore.rfc3339) to \(leaf.notAfter.rfc3339); install a new chain"
                )
            }
            faces.append(
                Face(kid: chain.key.kid, configuration: configuration(chain, authorities: authorities), leaf: leaf))
        }
        return faces
    }

    private static func configuration(
        _ chain: CertificateChain, authorities: [NIOSSLCertificate]?
    ) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.certificates.map { .certificate($0) },
            privateKey: .privateKey(NIOSSLPrivateKey(customPrivateKey: chain.key)))
        configuration.minimumTLSVersion = .tlsv13
        configuration.maximumTLSVersion = .tlsv13
        configuration.applicationProtocols = ["http/1.1"]
        configuration.shutdownTimeout = .seconds(1)
        if let authorities {
            configuration.certificateVerification = .optionalVerification
            configuration.trustRoots = .certificates(authorities)
        }
        return configuration
    }

    /// The certificates of a PEM file.
    static func read(_ path: String) throws(ListenerError) -> [NIOSSLCertificate] {
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
}
