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
    /// - `delegation_depth`: the most actors a token may name
    /// - `jwks`: SHA-256 of each issuer's key file, in hexadecimal, by the issuer's name
    /// - `client_jwks`: the same of clients that sign assertions, by the client's id
    /// - `jwks_ca`: the same of authorities for keys that are fetched, by `issuer NAME` or `client ID`
    /// - `client_ca`: the same of authorities of clients' certificates, by the listener's name
    ///
    /// So it depends on what decides and on nothing else: not on where files lie, nor on comments and layout of the
    /// configuration file. The policy file counts byte for byte, since it is what people review and approve.
    static func hashedBytes(
        _ configuration: Configuration, policyBytes: [UInt8], keySets: KeySetFiles
    ) -> [UInt8] {
        JSONWriter.canonical(hashed(configuration, policyBytes: policyBytes, keySets: keySets))
    }

    /// The hash of each part, so that an approver sees which of them changed: each element of a list by its name.
    static func parts(
        _ configuration: Configuration, policyBytes: [UInt8], keySets: KeySetFiles
    ) -> [String: String] {
        var parts: [String: String] = [:]
        let bundle = hashed(configuration, policyBytes: policyBytes, keySets: keySets)
        for member in bundle.object?.members ?? [] where member.name != "format" {
            let elements = (member.value.array ?? []).compactMap(\.object)
            for element in elements {
                let name = (element["name"] ?? element["id"])?.string ?? "-"
                parts["\(member.name) \(name)"] = digest(JSONWriter.canonical(.object(element)))
            }
            if let files = member.value.object {
                for file in files.members {
                    parts["\(member.name) \(file.name)"] = digest(JSONWriter.canonical(file.value))
                }
            }
            if member.value.array == nil, member.value.object == nil {
                parts[member.name] = digest(JSONWriter.canonical(member.value))
            }
        }
        return parts
    }

    private static func hashed(
        _ configuration: Configuration, policyBytes: [UInt8], keySets: KeySetFiles
    ) -> JSONValue {
        [
            "format": "vault-bundle/1", "policy": .string(digest(policyBytes)),
            "clients": .array(configuration.clients.map(\.json)), "issuers": .array(configuration.issuers.map(\.json)),
            "targets": .array(configuration.targets.map(\.json)),
            "delegation_depth": .integer(Int64(configuration.limits.delegationDepth)),
            "jwks": digests(keySets.issuers), "client_jwks": digests(keySets.clients),
            "jwks_ca": digests(
                Dictionary(uniqueKeysWithValues: keySets.authorities.map { ($0.key.description, $0.value) })),
            "client_ca": digests(keySets.clientAuthorities),
        ]
    }

    private static func digests(_ files: [String: [UInt8]]) -> JSONValue {
        .object(JSONObject(files.map { .init(name: $0.key, value: .string(digest($0.value))) }))
    }

    private static func digest(_ bytes: [UInt8]) -> String { Hexadecimal.string(SHA256.hash(data: bytes)) }
}

extension Configuration.Client {
    fileprivate var json: JSONValue {
        var object = JSONObject([
            .init(name: "id", value: .string(id)), .init(name: "auth", value: .string(authentication.rawValue)),
        ])
        switch certificateName {
        case .sanURI(let text): object["san_uri"] = .string(text)
        case .sanDNS(let text): object["san_dns"] = .string(text)
        case .subjectDN(let text): object["subject_dn"] = .string(text)
        case nil: break
        }
        if let assertions {
            object["algorithms"] = .strings(assertions.algorithms.map(\.rawValue))
            object["clock_skew"] = .integer(assertions.clockSkew)
            object["assertion_lifetime"] = .integer(assertions.maximumLifetime)
            object.add(assertions.keySet)
        }
        if !introspects.isEmpty { object["introspects"] = .strings(introspects) }
        return .object(object)
    }
}

extension Configuration.Issuer {
    fileprivate var json: JSONValue {
        let members: [String: JSONValue] = [
            "name": .string(name), "issuer": .string(issuer), "roles": .strings(roles.map(\.rawValue)),
            "audiences": .strings(audiences), "algorithms": .strings(algorithms.map(\.rawValue)),
            "max_subject_age": maximumSubjectAge.map { .integer($0) } ?? .null, "clock_skew": .integer(clockSkew),
            "subject_prefix": .optional(subjectPrefix),
            "claims": ["groups": .optional(claims.groups), "user": .optional(claims.user)],
            "agent": .string(agent.rawValue),
        ]
        var object = JSONObject(members.map { .init(name: $0.key, value: $0.value) })
        object.add(keySet)
        if !eventsFor.isEmpty { object["events_for"] = .strings(eventsFor) }
        return .object(object)
    }
}

extension JSONObject {
    /// Where keys come from, if not from a file: the file's digest says what the keys are.
    fileprivate mutating func add(_ keySet: KeySetLocation) {
        guard let remote = keySet.remote else { return }
        self["jwks_uri"] = .string(remote.uri)
        self["jwks_refresh"] = .integer(remote.refresh)
        self["jwks_max_stale"] = .integer(remote.maximumStaleness)
    }
}

extension Configuration.Target {
    fileprivate var json: JSONValue {
        [
            "name": .string(name), "kind": .string(kind.rawValue), "audience": .string(audience),
            "resources": .strings(resources), "key": .string(key), "scopes": .strings(scopes),
            "client_id": .optional(clientID), "subject": .optional(subject),
            "session_tags": .array(
                sessionTags.map {
                    ["key": .string($0.key), "value": .string($0.value), "transitive": .bool($0.isTransitive)]
                }),
        ]
    }
}

extension JSONValue {
    fileprivate static func strings(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }

    fileprivate static func optional(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
}
