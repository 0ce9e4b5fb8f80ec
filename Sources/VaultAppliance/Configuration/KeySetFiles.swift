import Minting
import NIOSSL
import StrictEncoding

/// The bytes of every file about keys that a configuration names: JWK Sets, authorities of those that are fetched, and
/// authorities of clients' certificates.
struct KeySetFiles {
    /// The largest JWK Set that is read.
    static let maximumSize = 256 << 10
    /// The largest file of authorities that is read; that of a system has some 200 KiB.
    static let maximumAuthoritiesSize = 2 << 20

    /// JWK Sets by the issuer's name.
    private(set) var issuers: [String: [UInt8]] = [:]
    /// JWK Sets by the client's id.
    private(set) var clients: [String: [UInt8]] = [:]
    /// Authorities by whose keys are fetched.
    private(set) var authorities: [KeySetOwner: [UInt8]] = [:]
    /// Authorities of clients' certificates by the listener's name.
    private(set) var clientAuthorities: [String: [UInt8]] = [:]

    /// Whether the keys themselves are looked at, as the bundle will.
    private let parsesKeys: Bool

    /// Reads the files; faults go to the source.
    init(of configuration: Configuration, _ source: YAMLSource, parsesKeys: Bool = false) {
        self.parsesKeys = parsesKeys
        for (position, issuer) in configuration.issuers.enumerated() {
            let section = "issuers[\(position)]"
            issuers[issuer.name] = keySet(issuer.keySet, issuer.algorithms, section, source)
            authorities[.issuer(issuer.name)] = Self.authorities(issuer.keySet, section, source)
        }
        for (position, client) in configuration.clients.enumerated() {
            guard let assertions = client.assertions else { continue }
            let section = "clients[\(position)]"
            clients[client.id] = keySet(assertions.keySet, assertions.algorithms, section, source)
            authorities[.client(client.id)] = Self.authorities(assertions.keySet, section, source)
        }
        for (name, listener) in configuration.listeners.withTLS {
            clientAuthorities[name] = Self.certificates(
                listener.clientCAFile, "listeners.\(name).client_ca", of: "the clients", source)
        }
    }

    private func keySet(
        _ location: KeySetLocation, _ algorithms: [Configuration.Algorithm], _ section: String, _ source: YAMLSource
    ) -> [UInt8]? {
        let field = "\(section).jwks_file"
        guard let bytes = Self.read(location.file, limit: Self.maximumSize, field, source) else { return nil }
        do {
            guard try JSONParser.parse(bytes).object != nil else {
                source.fault(field, "holds no JSON object", mend: "put a JWK Set (RFC 7517 section 5) there")
                return bytes
            }
        } catch {
            source.fault(
                field, "is not strict JSON: \(error.reason.rawValue) at byte \(error.offset)",
                mend: "put a JWK Set (RFC 7517 section 5) there")
            return bytes
        }
        guard parsesKeys else { return bytes }
        // What the bundle would refuse, said here where the line is known.
        do throws(MintingError) {
            _ = try JSONWebKeySet(parsing: bytes, algorithms: JWSAlgorithm.named(algorithms))
        } catch {
            source.fault(
                field, error.description, mend: "it must hold public keys for the algorithms that are listed")
        }
        return bytes
    }

    private static func authorities(_ location: KeySetLocation, _ section: String, _ source: YAMLSource) -> [UInt8]? {
        certificates(location.remote?.authoritiesFile, "\(section).jwks_ca", of: "the host", source)
    }

    private static func certificates(
        _ path: String?, _ field: String, of whom: String, _ source: YAMLSource
    ) -> [UInt8]? {
        guard let bytes = read(path, limit: maximumAuthoritiesSize, field, source) else { return nil }
        if (try? NIOSSLCertificate.fromPEMBytes(bytes))?.isEmpty ?? true {
            source.fault(field, "holds no certificate in PEM", mend: "put the CA certificates of \(whom) there")
        }
        return bytes
    }

    private static func read(_ path: String?, limit: Int, _ field: String, _ source: YAMLSource) -> [UInt8]? {
        guard let path, !path.isEmpty, !source.isCovered(field) else { return nil }
        do {
            return try ConfigurationFile.read(path, limit: limit)
        } catch {
            let (message, mend) = error.words(limit: limit)
            source.fault(field, message, mend: mend)
            return nil
        }
    }
}
