import Crypto
package import StrictEncoding

extension ManifestKey {
    /// The RFC 7638 thumbprint of a JWK that holds its required members alone.
    package static func thumbprint(of jwk: JSONObject) -> String {
        Base64URL.string(Array(SHA256.hash(data: JSONWriter.canonical(.object(jwk)))))
    }
}

extension ManifestToken {
    var json: JSONValue {
        [
            "label": .string(label), "serial": .string(serial), "model": .string(model),
            "kek": keyEncryptionKey.map { .object($0) } ?? .null,
        ]
    }

    init(json: JSONValue, path: String) throws(SchemaFault) {
        var reader = try ObjectReader(json, path: path)
        var keyEncryptionKey: JSONObject?
        if let value = reader.optional("kek") {
            guard let object = value.object else { throw reader.fault("kek", "must be a JWK") }
            keyEncryptionKey = object
        }
        self.init(
            label: try reader.string("label"), serial: try reader.string("serial"), model: try reader.string("model"),
            keyEncryptionKey: keyEncryptionKey)
        try reader.finish()
    }
}

extension ManifestKey {
    /// A key as the steps of a ceremony keep it, and as a manifest holds it.
    package var recorded: JSONValue { json }

    /// Reads a key as `recorded` wrote it.
    package init(recorded json: JSONValue) throws(SchemaFault) { try self.init(json: json, path: "") }

    var json: JSONValue {
        [
            "kid": .string(kid), "label": .string(label), "id": .string(id), "token": .string(token),
            "alg": .string(algorithm), "purpose": .string(purpose.rawValue), "state": .string(state.rawValue),
            "provenance": .string(provenance.rawValue), "jwk": .object(jwk),
            "evidence": .object(
                JSONObject(evidence.sorted { $0.key < $1.key }.map { .init(name: $0.key, value: .bool($0.value)) })),
            "gate": gate.map { $0.json } ?? .null,
        ]
    }

    init(json: JSONValue, path: String) throws(SchemaFault) {
        var reader = try ObjectReader(json, path: path)
        guard let jwk = try reader.required("jwk").object else { throw reader.fault("jwk", "must be a JWK") }
        guard let attributes = try reader.required("evidence").object else {
            throw reader.fault("evidence", "must be an object of Booleans")
        }
        var evidence: [String: Bool] = [:]
        for member in attributes.members {
            guard let value = member.value.bool else {
                throw reader.fault("evidence.\(member.name)", "must be Boolean")
            }
            evidence[member.name] = value
        }
        var gate: Gate?
        if let value = reader.optional("gate") { gate = try Gate(json: value, path: reader.path(of: "gate")) }
        self.init(
            kid: try reader.string("kid"), label: try reader.string("label"), id: try reader.string("id"),
            token: try reader.string("token"), algorithm: try reader.string("alg"),
            purpose: try reader.value("purpose", of: Purpose.self), state: try reader.value("state", of: State.self),
            provenance: try reader.value("provenance", of: Provenance.self), jwk: jwk, evidence: evidence, gate: gate)
        try reader.finish()
        // The kid is what verifiers and the gate know the key by: it must be the key's own, not a name somebody chose.
        guard kid == ManifestKey.thumbprint(of: jwk) else { throw reader.fault("kid", "is not the thumbprint of jwk") }
    }
}

extension ManifestKey.Gate {
    var json: JSONValue {
        [
            "issuer": .string(issuer), "types": .array(types.map { .string($0) }),
            "max_lifetime": .integer(maximumLifetime),
        ]
    }

    init(json: JSONValue, path: String) throws(SchemaFault) {
        var reader = try ObjectReader(json, path: path)
        self.init(
            issuer: try reader.string("issuer"), types: try reader.strings("types"),
            maximumLifetime: try reader.integer("max_lifetime", in: 1...86_400))
        try reader.finish()
    }
}

extension Manifest.Person {
    var json: JSONValue {
        [
            "name": .string(name), "ssh_key": .string(sshKey),
            "age_recipient": ageRecipient.map { .string($0) } ?? .null,
        ]
    }

    init(json: JSONValue, path: String) throws(SchemaFault) {
        var reader = try ObjectReader(json, path: path)
        self.init(
            name: try reader.string("name"), sshKey: try reader.string("ssh_key"),
            ageRecipient: try reader.optionalString("age_recipient"))
        try reader.finish()
    }
}

extension Manifest.Dials {
    var json: JSONValue {
        [
            "config_approvals": .integer(configApprovals), "unattended_start": .bool(unattendedStart),
            "restart_grace": .integer(restartGrace), "file_tls_keys": .bool(fileTLSKeys),
        ]
    }

    init(json: JSONValue, path: String) throws(SchemaFault) {
        var reader = try ObjectReader(json, path: path)
        self.init(
            configApprovals: try reader.integer("config_approvals", in: 0...16),
            unattendedStart: try reader.bool("unattended_start"),
            restartGrace: try reader.integer("restart_grace", in: 0...7200),
            fileTLSKeys: try reader.bool("file_tls_keys"))
        try reader.finish()
    }
}
