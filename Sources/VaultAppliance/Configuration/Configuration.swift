package import StrictEncoding

/// The appliance's configuration file, decoded and checked.
///
/// A value of this type that `load` gave has passed every check that needs this file alone. Times are in seconds,
/// sizes in bytes, paths absolute or taken from the file's directory.
package struct Configuration: Sendable, Equatable {
    /// The file it was read from.
    package let file: String
    /// Our issuer: an https URL without query and without a slash at its end (RFC 8414 section 2).
    package let issuer: String
    /// Where the front listens.
    package let listeners: Listeners
    /// The core's sockets and manifest.
    package let core: Core
    /// The PKCS#11 tokens.
    package let hsm: HSM
    /// What genesis generates and what the manifest must then hold.
    package let keys: [Key]
    /// The gateways that may ask.
    package let clients: [Client]
    /// Whose tokens are believed, and for what.
    package let issuers: [Issuer]
    /// What tokens are minted for.
    package let targets: [Target]
    /// Path of the policy file.
    package let policyFile: String
    /// The log.
    package let audit: Audit
    /// Bounds on what the network may ask.
    package let limits: Limits

    /// The signature algorithms there are (RFC 7518 section 3.1, RFC 8037 section 3.1).
    package enum Algorithm: String, Sendable, CaseIterable {
        /// ECDSA on P-256 with SHA-256.
        case es256 = "ES256"
        /// RSASSA-PKCS1-v1_5 with SHA-256.
        case rs256 = "RS256"
        /// RSASSA-PSS with SHA-256.
        case ps256 = "PS256"
        /// Ed25519.
        case edDSA = "EdDSA"
    }
}

extension Configuration {
    /// The largest configuration file that is read.
    static let maximumFileSize = 1 << 20

    /// Reads, decodes and checks a file; throws everything that is wrong with it at once.
    package static func load(file: String) throws(ConfigurationError) -> Configuration {
        let (configuration, source) = try read(file: file)
        guard source.faults.isEmpty else { throw ConfigurationError(faults: source.faults) }
        return configuration
    }

    /// Decodes whatever can be decoded; the source tells the faults.
    static func read(file: String) throws(ConfigurationError) -> (Configuration, YAMLSource) {
        let bytes: [UInt8]
        do {
            bytes = try ConfigurationFile.read(file, limit: maximumFileSize)
        } catch {
            throw ConfigurationError(faults: [error.fault(file: file, limit: maximumFileSize)])
        }
        return decode(bytes, file: file)
    }

    /// Decodes the bytes of a file, as far as they can be; the source tells the faults.
    static func decode(_ bytes: [UInt8], file: String) -> (Configuration, YAMLSource) {
        let source = YAMLSource(file: file)
        let configuration = Configuration(
            source.read(bytes), file: file, directory: ConfigurationFile.directory(of: file))
        CrossChecks(configuration, source).run()
        return (configuration, source)
    }

    /// The JSON Schema (2020-12) of the file, as the decoder reads it.
    package static var schema: JSONValue {
        let node = SchemaNode()
        let section = YAMLSection(YAMLSource(file: ""), path: "", value: .faulty(line: 1), schema: node)
        _ = Configuration(section, file: "", directory: "")
        var schema = JSONObject([
            .init(name: "$schema", value: "https://json-schema.org/draft/2020-12/schema"),
            .init(name: "title", value: "vault-appliance configuration, version 1"),
        ])
        for member in node.json.object?.members ?? [] { schema[member.name] = member.value }
        return .object(schema)
    }

    private init(_ section: YAMLSection, file: String, directory: String) {
        let paths = PathFormat(directory: directory)
        self.file = file
        _ = section.required("version", .integer(1...1, mend: "this build reads version 1"))
        issuer = section.required("issuer", .httpsOrigin)
        listeners = Listeners(section.section("listeners"), paths)
        core = Core(section.section("core"), paths)
        hsm = HSM(section.section("hsm"), paths)
        keys = section.sections("keys", Key.init)
        clients = section.sections("clients") { Client($0, paths) }
        issuers = section.sections("issuers") { Issuer($0, paths) }
        targets = section.sections("targets", Target.init)
        policyFile = section.required("policy", paths.path)
        audit = Audit(section.section("audit"), manifest: core.trustRoot, paths)
        limits = section.optionalSection("limits", Limits.init) ?? .standard
        section.finish()
    }
}

extension ConfigurationFile.Failure {
    /// The fault of a file that is read by its own name.
    func fault(file: String, limit: Int) -> ConfigurationFault {
        let (message, mend) = words(limit: limit)
        return ConfigurationFault(file: file, line: nil, field: "", message: message, mend: mend)
    }

    /// What is wrong and what to do.
    func words(limit: Int) -> (message: String, mend: String) {
        switch self {
        case .missing: ("there is no such file", "create it, or correct the path")
        case .unreadable: ("cannot be read or is empty", "give this user the right to read it, or correct the path")
        case .tooLarge: ("is larger than \(UnitText.size(Int64(limit)))", "split or shorten it")
        }
    }
}
