import Crypto
import StrictEncoding

extension ConfigurationBundle {
    /// What the bundle's hash is the SHA-256 of.
    ///
    /// The canonical JSON (RFC 8785) of an object with the members:
    ///
    /// - `format`: `vault-bundle/1`
    /// - `policy`: SHA-256 of the policy file's bytes, in hexadecimal
    /// - `clients`, `issuers`, `targets`: the sections as they were decoded, defaults filled in, in file order
    /// - `jwks`: SHA-256 of each issuer's key file, in hexadecimal, by the issuer's name
    ///
    /// So it depends on what decides and on nothing else: not on where files lie, nor on comments and layout of the
    /// configuration file. The policy file counts byte for byte, since it is what people review and approve.
    static func hashedBytes(
        _ configuration: Configuration, policyBytes: [UInt8], keySets: [String: [UInt8]]
    ) -> [UInt8] {
        let keys = keySets.map { JSONObject.Member(name: $0.key, value: .string(digest($0.value))) }
        let bundle: JSONValue = [
            "format": "vault-bundle/1", "policy": .string(digest(policyBytes)),
            "clients": .array(configuration.clients.map(\.json)), "issuers": .array(configuration.issuers.map(\.json)),
            "targets": .array(configuration.targets.map(\.json)), "jwks": .object(JSONObject(keys)),
        ]
        return JSONWriter.canonical(bundle)
    }

    private static func digest(_ bytes: [UInt8]) -> String { Hexadecimal.string(SHA256.hash(data: bytes)) }
}

extension Configuration.Client {
    fileprivate var json: JSONValue {
        let name: (String, String) =
            switch certificateName {
            case .sanURI(let text): ("san_uri", text)
            case .sanDNS(let text): ("san_dns", text)
            case .subjectDN(let text): ("subject_dn", text)
            }
        return .object(
            JSONObject([
                .init(name: "id", value: .string(id)), .init(name: "auth", value: .string(authentication.rawValue)),
                .init(name: name.0, value: .string(name.1)),
            ]))
    }
}

extension Configuration.Issuer {
    fileprivate var json: JSONValue {
        [
            "name": .string(name), "issuer": .string(issuer), "roles": .strings(roles.map(\.rawValue)),
            "audiences": .strings(audiences), "algorithms": .strings(algorithms.map(\.rawValue)),
            "max_subject_age": maximumSubjectAge.map { .integer($0) } ?? .null, "clock_skew": .integer(clockSkew),
            "subject_prefix": .optional(subjectPrefix),
            "claims": ["groups": .optional(claims.groups), "user": .optional(claims.user)],
            "agent": .string(agent.rawValue),
        ]
    }
}

extension Configuration.Target {
    fileprivate var json: JSONValue {
        [
            "name": .string(name), "kind": .string(kind.rawValue), "audience": .string(audience),
            "resources": .strings(resources), "key": .string(key), "scopes": .strings(scopes),
        ]
    }
}

extension JSONValue {
    fileprivate static func strings(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }

    fileprivate static func optional(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
}
