import FoundationEssentials
import NIOCore
import NIOSSL
package import StrictEncoding
import Synchronization

/// A listener's certificate chains and HSM keys, and where the authorities of its clients come from.
///
/// Each token has a key of its own for the listener, and each such key a chain of its own; a connection takes the first
/// whose token is well. Everything is read, parsed and checked at load; a connection only takes the finished
/// configuration. `reload` puts new chains in force for new connections, or leaves the old ones and says why. The
/// authorities are those of the bundle in force, and change with it alone, whatever becomes of the chains.
package final class TLSIdentity: Sendable {
    /// The chain of one key.
    private struct Face {
        let kid: String
        let configuration: TLSConfiguration
        let leaf: PeerCertificate
    }

    private let chainFile: String
    private let authorities: (@Sendable () -> ClientAuthorities)?
    private let keys: @Sendable () -> [HSMTLSKey]
    private let isAvailable: @Sendable (_ kid: String) -> Bool
    /// At least one, in the order of the file.
    private let faces: Mutex<[Face]>

    /// Loads the chains of one file (PEM, each leaf first) for `keys`; without `clientAuthorities`, which is asked for
    /// those in force, no client is asked to show a certificate.
    package convenience init(
        chainFile: String, clientAuthorities: (@Sendable () -> ClientAuthorities)? = nil, keys: [HSMTLSKey],
        now: UnixTime,
        isAvailable: @escaping @Sendable (_ kid: String) -> Bool = { _ in true }
    ) throws(ListenerError) {
        try self.init(
            chainFile: chainFile, clientAuthorities: clientAuthorities, currentKeys: { keys }, now: now,
            isAvailable: isAvailable)
    }

    /// The same where tokens come and go: each `reload` asks which keys the listener has by then.
    init(
        chainFile: String, clientAuthorities: (@Sendable () -> ClientAuthorities)? = nil,
        currentKeys keys: @escaping @Sendable () -> [HSMTLSKey], now: UnixTime,
        isAvailable: @escaping @Sendable (_ kid: String) -> Bool
    ) throws(ListenerError) {
        self.chainFile = chainFile
        authorities = clientAuthorities
        self.keys = keys
        self.isAvailable = isAvailable
        faces = Mutex(try Self.load(chainFile, keys(), now))
    }

    /// Reads the file again, for new connections; on an error the old chains stay in force.
    package func reload(now: UnixTime) throws(ListenerError) {
        let new = try Self.load(chainFile, keys(), now)
        faces.withLock { $0 = new }
    }

    /// The leaf certificate in force: its names, `notAfter` and fingerprint, for status and metrics.
    package var leaf: PeerCertificate { current.leaf }

    /// The leaf certificates of all keys that have one.
    package var leaves: [PeerCertificate] { faces.withLock { $0.map(\.leaf) } }

    /// The authorities in force; nil where no client is asked to show a certificate.
    var clientAuthorities: ClientAuthorities? { authorities?() }

    /// The configuration of a new connection whose client is verified by some authorities.
    func configuration(verifyingBy authorities: ClientAuthorities?) -> TLSConfiguration {
        var configuration = current.configuration
        if let authorities {
            configuration.certificateVerification = .optionalVerification
            configuration.trustRoots = .certificates(authorities.certificates)
        }
        return configuration
    }

    /// The first whose token is well; where none is, the first.
    private var current: Face {
        let faces = faces.withLock { $0 }
        return faces.first { isAvailable($0.kid) } ?? faces[0]
    }

    private static func load(
        _ chainFile: String, _ keys: [HSMTLSKey], _ now: UnixTime
    ) throws(ListenerError) -> [Face] {
        let chains = try CertificateChain.split(try read(chainFile), of: chainFile, for: keys)
        var faces: [Face] = []
        for chain in chains {
            let leaf = chain.leaf
            guard leaf.isValid(at: now) else {
                throw ListenerError(
                    .outsideValidity,
                    "\(chainFile): valid from \(leaf.notBefore.rfc3339) to \(leaf.notAfter.rfc3339); install a new chain"
                )
            }
            faces.append(Face(kid: chain.key.kid, configuration: configuration(chain), leaf: leaf))
        }
        return faces
    }

    private static func configuration(_ chain: CertificateChain) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.certificates.map { .certificate($0) },
            privateKey: .privateKey(NIOSSLPrivateKey(customPrivateKey: chain.key)))
        configuration.minimumTLSVersion = .tlsv13
        configuration.maximumTLSVersion = .tlsv13
        configuration.applicationProtocols = ["http/1.1"]
        configuration.shutdownTimeout = .seconds(1)
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
