import Crypto
package import Policy
import StrictEncoding

/// Configuration, policy and the issuers' keys as one thing that is replaced whole, and its hash.
///
/// The hash is that of a `config.loaded` entry before first use, and stands in every entry: it says what was in force.
package struct ConfigurationBundle: Sendable {
    /// The configuration.
    package let configuration: Configuration
    /// The rules and denials in force.
    package let policy: PolicySet
    /// The bytes of each issuer's JWK Set, by the issuer's name; they are strict JSON, and the bytes that were hashed.
    package let keySets: [String: [UInt8]]
    /// The same of each client that signs assertions, by the client's id.
    package let clientKeySets: [String: [UInt8]]
    /// PEM certificates that vouch for the hosts of fetched keys, by whose keys they are.
    package let authorities: [KeySetOwner: [UInt8]]
    /// PEM certificates that clients' certificates chain to, by the listener's name: the bytes that were hashed.
    package let clientAuthorities: [String: [UInt8]]
    /// SHA-256 in hexadecimal of `hashedBytes`.
    package let hash: String
    /// SHA-256 in hexadecimal of each part of it, by its name.
    package let parts: [String: String]

    /// Reads everything that a configuration file names; throws everything that is wrong with it at once.
    ///
    /// With `parsesKeys` that includes key sets that the front would refuse. `check` finds what else is wrong, by field: with
    /// files that are read by others, or later.
    package static func load(
        file: String, parsesKeys: Bool = false,
        check: (Configuration) -> [(field: String, message: String, mend: String)] = { _ in [] }
    ) throws(ConfigurationError) -> ConfigurationBundle {
        let (configuration, source) = try Configuration.read(file: file)
        let keySets = KeySetFiles(of: configuration, source, parsesKeys: parsesKeys)
        for fault in check(configuration) where !source.isCovered(fault.field) {
            source.fault(fault.field, fault.message, mend: fault.mend)
        }
        let bytes = policyBytes(of: configuration, source)
        var faults = source.faults
        // Names are checked against a sound configuration alone; the policy's own faults are found in any case.
        do throws(ConfigurationError) {
            if let bytes {
                let document = try PolicyDocument.decode(
                    bytes, file: configuration.policyFile, configuration: faults.isEmpty ? configuration : nil)
                if faults.isEmpty {
                    return ConfigurationBundle(configuration, document.policy, policyBytes: bytes, keySets: keySets)
                }
            }
        } catch {
            faults += error.faults
        }
        throw ConfigurationError(faults: faults)
    }

    private init(
        _ configuration: Configuration, _ policy: PolicySet, policyBytes: [UInt8], keySets: KeySetFiles
    ) {
        self.configuration = configuration
        self.policy = policy
        self.keySets = keySets.issuers
        clientKeySets = keySets.clients
        authorities = keySets.authorities
        clientAuthorities = keySets.clientAuthorities
        parts = ConfigurationBundle.parts(configuration, policyBytes: policyBytes, keySets: keySets)
        hash = Hexadecimal.string(
            SHA256.hash(
                data: ConfigurationBundle.hashedBytes(configuration, policyBytes: policyBytes, keySets: keySets)))
    }

    private static func policyBytes(of configuration: Configuration, _ source: YAMLSource) -> [UInt8]? {
        guard !source.hasFaults(under: "policy") else { return nil }
        do {
            return try ConfigurationFile.read(configuration.policyFile, limit: PolicyDocument.maximumFileSize)
        } catch {
            let (message, mend) = error.words(limit: PolicyDocument.maximumFileSize)
            source.fault("policy", message, mend: mend)
            return nil
        }
    }
}
