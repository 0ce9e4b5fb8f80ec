import StrictEncoding

/// The bytes of every JWK Set file that a configuration names.
struct KeySetFiles {
    /// The largest JWK Set that is read.
    static let maximumSize = 256 << 10

    /// By the issuer's name.
    private(set) var issuers: [String: [UInt8]] = [:]
    /// By the client's id.
    private(set) var clients: [String: [UInt8]] = [:]

    /// Reads the files; faults go to the source.
    init(of configuration: Configuration, _ source: YAMLSource) {
        for (position, issuer) in configuration.issuers.enumerated() {
            issuers[issuer.name] = Self.read(issuer.keySet, "issuers[\(position)]", source)
        }
        for (position, client) in configuration.clients.enumerated() {
            guard let assertions = client.assertions else { continue }
            clients[client.id] = Self.read(assertions.keySet, "clients[\(position)]", source)
        }
    }

    private static func read(_ location: KeySetLocation, _ section: String, _ source: YAMLSource) -> [UInt8]? {
        let field = "\(section).jwks_file"
        guard let file = location.file, !source.isCovered(field), !file.isEmpty else { return nil }
        do {
            let bytes = try ConfigurationFile.read(file, limit: maximumSize)
            check(bytes, field, source)
            return bytes
        } catch {
            let (message, mend) = error.words(limit: maximumSize)
            source.fault(field, message, mend: mend)
            return nil
        }
    }

    private static func check(_ bytes: [UInt8], _ field: String, _ source: YAMLSource) {
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
