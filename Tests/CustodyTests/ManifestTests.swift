import Custody
import StrictEncoding
import Testing

@Suite struct ManifestTests {
    static let jwk: JSONValue = ["kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"]

    /// Another key, so that names can collide without the thumbprints doing so.
    static let second: [String: JSONValue?] = {
        let jwk = JSONObject([
            .init(name: "crv", value: "Ed25519"), .init(name: "kty", value: "OKP"),
            .init(name: "x", value: "AAAAAAKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"),
        ])
        return ["kid": .string(ManifestKey.thumbprint(of: jwk)), "jwk": .object(jwk)]
    }()

    static func key(_ changes: [String: JSONValue?] = [:]) -> JSONValue {
        var object = JSONObject()
        object["kid"] = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        object["label"] = "sign"
        object["id"] = "0102"
        object["token"] = "serial-1"
        object["alg"] = "EdDSA"
        object["purpose"] = "signing"
        object["state"] = "active"
        object["provenance"] = "generated"
        object["jwk"] = jwk
        object["evidence"] = ["sensitive": true, "extractable": false]
        object["gate"] = ["issuer": "https://vault.example", "types": ["at+jwt"], "max_lifetime": 300]
        for (name, value) in changes { object[name] = value }
        return .object(object)
    }

    static func manifest(_ changes: [String: JSONValue?] = [:]) -> JSONValue {
        var object = JSONObject()
        object["format"] = "vault-manifest/1"
        object["appliance"] = "00112233445566778899aabbccddeeff"
        object["version"] = 1
        object["previous"] = .null
        object["custody"] = "development"
        object["created"] = "2026-11-23T20:01:55.123Z"
        object["host_key"] = .null
        object["tokens"] = [["label": "vault", "serial": "serial-1", "model": "SoftHSM v2", "kek": .null]]
        object["keys"] = [key()]
        object["custodians"] = []
        object["approvers"] = []
        object["threshold"] = 0
        object["dials"] = [
            "config_approvals": 0, "unattended_start": false, "restart_grace": 0, "file_tls_keys": false,
        ]
        object["signatures"] = []
        for (name, value) in changes { object[name] = value }
        return .object(object)
    }

    static func read(_ value: JSONValue) throws -> Manifest { try Manifest(jsonBytes: JSONWriter.compact(value)) }

    @Test func aManifestIsWrittenAsItWasRead() throws {
        let manifest = try Self.read(Self.manifest())
        #expect(try Manifest(jsonBytes: manifest.jsonBytes).jsonBytes == manifest.jsonBytes)
        #expect(manifest.jsonBytes.last == UInt8(ascii: "\n"))
    }

    @Test func theHashCoversTheBodyAndNotTheSignatures() throws {
        let unsigned = try Self.read(Self.manifest())
        let signed = try Self.read(Self.manifest(["signatures": ["one"]]))
        let other = try Self.read(Self.manifest(["version": 2]))
        #expect(unsigned.hash == signed.hash)
        #expect(unsigned.hash != other.hash)
        #expect(unsigned.hash.utf8.count == 64)
    }

    @Test(
        "a manifest outside its schema is refused, and the fault names the member",
        arguments: [
            (["format": "vault-manifest/2"], "format"), (["extra": 1], "extra"), (["version": 0], "version"),
            (["version": .number(1.5)], "version"), (["custody": "none"], "custody"),
            (["created": "yesterday"], "created"),
            (["appliance": nil], "appliance"), (["threshold": 17], "threshold"), (["tokens": "x"], "tokens"),
            (["dials": ["config_approvals": 0]], "dials.unattended_start"),
            (["custody": "quorum"], "host_key"), (["keys": [key(["token": "other"])]], "keys[0].token"),
            (["keys": [key(["gate": .null])]], "keys[0].gate"), (["keys": [key(["purpose": "tls"])]], "keys[0].gate"),
            (["keys": [key(["purpose": "any"])]], "keys[0].purpose"),
            (["keys": [key(["state": "Active"])]], "keys[0].state"),
            (["keys": [key(["evidence": ["sensitive": 1]])]], "keys[0].evidence.sensitive"),
            (["keys": [key(), key()]], "keys[1].kid"),
            (["keys": [key(), key(second.merging(["id": "03"]) { $1 })]], "keys[1].label"),
            (["keys": [key(), key(second.merging(["label": "two"]) { $1 })]], "keys[1].id"),
            (["keys": [key(["kid": "a name of my own"])]], "keys[0].kid"),
        ] as [([String: JSONValue?], String)])
    func faults(changes: [String: JSONValue?], path: String) throws {
        let error = #expect(throws: SchemaFault.self) { try Self.read(Self.manifest(changes)) }
        #expect(error?.path == path)
    }

    @Test func bytesThatAreNotStrictJSONAreRefused() {
        #expect(throws: SchemaFault.self) { try Manifest(jsonBytes: Array(#"{"format":1,"format":2}"#.utf8)) }
    }
}
