package import AuditLog
import StrictEncoding

extension Configuration {
    /// Somebody who cosigns the log's checkpoints (C2SP tlog-witness).
    package struct Witness: Sendable, Equatable {
        /// The key that verifies the cosignatures; its name is the witness's.
        package let key: WitnessKey
        /// The submission prefix: https, or http on a loopback address; what it redirects to is not followed.
        package let url: String
        /// Path of the PEM certificates that vouch for its host; nil for those of the system.
        package let authoritiesFile: String?
    }
}

extension Configuration.Witness {
    /// The most witnesses a log can have.
    private static let maximum = 16

    /// Reads `witnesses` and `witness_quorum` of the log's section.
    static func read(_ section: YAMLSection, _ paths: PathFormat) -> ([Configuration.Witness], Int) {
        var keys: Set<String> = []
        let read = section.sections("witnesses", isRequired: false) { Self($0, paths, &keys) }
        let isConfigured = section.has("witnesses")
        let quorum = section.optional(
            "witness_quorum", .integer(1...Int64(maximum), mend: "say how many of the witnesses must cosign"))
        if read.count > maximum {
            section.fault("witnesses", "has more than \(maximum) entries", mend: "name fewer")
        }
        switch (isConfigured, quorum) {
        case (true, nil):
            section.fault("witness_quorum", "is missing", mend: "say how many of the witnesses must cosign")
        case (false, _?):
            section.fault("witness_quorum", "belongs to witnesses", mend: "remove it, or name the witnesses")
        case (true, let quorum?) where quorum > Int64(read.count):
            section.fault(
                "witness_quorum", "is more than there are witnesses", mend: "lower it, or name more witnesses")
        default: break
        }
        return (read.compactMap { $0 }, Int(quorum ?? 1))
    }

    private init?(_ section: YAMLSection, _ paths: PathFormat, _ keys: inout Set<String>) {
        let key = section.required("vkey", .witnessKey)
        let url = section.required("url", .witnessURL)
        let authoritiesFile = section.optional("ca", paths.path)
        if let key, !keys.insert(key.name).inserted || !keys.insert(Hexadecimal.string(key.publicKey)).inserted {
            section.fault(
                "vkey", "is that of another witness too", mend: "give each witness a name and a key of its own")
        }
        if authoritiesFile != nil, url.hasPrefix("http:") {
            section.fault("ca", "belongs to an https URL", mend: "remove it, or write https")
        }
        section.finish()
        guard let key else { return nil }
        (self.key, self.url, self.authoritiesFile) = (key, url, authoritiesFile)
    }
}

extension YAMLFormat where Value == WitnessKey? {
    /// A witness's vkey (C2SP tlog-cosignature, "Format").
    fileprivate static var witnessKey: YAMLFormat {
        let text = YAMLFormat<String>.name(512)
        return YAMLFormat(placeholder: nil, schema: text.schema()) { value throws(ValueFault) in
            do throws(AuditLogError) {
                return try WitnessKey(parsing: try text.parsed(value))
            } catch {
                throw ValueFault(
                    message: "is no witness's key: \(error.reason)",
                    mend: "copy the line that audit witness init has printed, like name+1f2e3d4c+B...")
            }
        }
    }
}

extension YAMLFormat where Value == String {
    /// Text for a decoder that has its own words for what is wrong.
    fileprivate func parsed(_ value: YAMLValue) throws(AuditLogError) -> String {
        do throws(ValueFault) { return try parse(value) } catch { throw AuditLogError(.badKey, error.message) }
    }

    /// The prefix of a witness: cosignatures are verified, so on the machine itself no TLS is needed.
    fileprivate static var witnessURL: YAMLFormat {
        text(
            "an https URL, or an http URL of a loopback address, without query and slash at its end",
            mend: "write it like https://witness.example or http://127.0.0.1:8470",
            pattern: "^(https://[^?#]*[^/?#]|http://(127(\\.[0-9]{1,3}){3}|\\[::1\\])(:[0-9]+)?(/[^?#]*[^/?#])?)$"
        ) { text in
            guard text.hasPrefix("http://") else { return ValueFormats.isHTTPS(text) && !text.hasSuffix("/") }
            let rest = text.dropFirst("http://".count)
            let authority = rest.prefix { $0 != "/" }
            let host =
                authority.hasPrefix("[::1]")
                ? "::1" : String(authority.split(separator: ":", omittingEmptySubsequences: false)[0])
            return ValueFormats.isLoopback(host) && ValueFormats.isHTTPS("https://" + rest) && !text.hasSuffix("/")
        }
    }
}
