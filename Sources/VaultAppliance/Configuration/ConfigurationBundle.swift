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
    /// SHA-256 in hexadecimal of `hashedBytes`.
    package let hash: String

    /// The largest JWK Set that is read.
    static let maximumKeySetSize = 256 << 10

    /// Reads everything that a configuration file names; throws everything that is wrong with it at once.
    package static func load(file: String) throws(ConfigurationError) -> ConfigurationBundle {
        let (configuration, source) = try Configuration.read(file: file)
        let keySets = keySets(of: configuration, source)
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
        _ configuration: Configuration, _ policy: PolicySet, policyBytes: [UInt8], keySets: [String: [UInt8]]
    ) {
        self.configuration = configuration
        self.policy = policy
        self.keySets = keySets
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

    private static func keySets(of configuration: Configuration, _ source: YAMLSource) -> [String: [UInt8]] {
        var keySets: [String: [UInt8]] = [:]
        for (position, issuer) in configuration.issuers.enumerated() {
            let field = "issuers[\(position)].jwks_file"
            guard !source.isCovered(field), !issuer.keySetFile.isEmpty else { continue }
            do {
                let bytes = try ConfigurationFile.read(issuer.keySetFile, limit: maximumKeySetSize)
                keySets[issuer.name] = bytes
                checkKeySet(bytes, field, source)
            } catch {
                let (message, mend) = error.words(limit: maximumKeySetSize)
                source.fault(field, message, mend: mend)
            }
        }
        return keySets
    }

    private static func checkKeySet(_ bytes: [UInt8], _ field: String, _ source: YAMLSource) {
        do {
            guard try JSONParser.parse(bytes).object != nil else {
                return source.fault(field, "holds no JSON object", mend: "put a JWK Set (RFC 7517 section 5) there")
            }
        } catch {
            source.fault(
                field, "is not strict JSON: \(error.reason.rawValue) at byte \(error.offset)",
                mend: "put a JWK Set (RFC 7517 section 5) there")
        }
    }
}
