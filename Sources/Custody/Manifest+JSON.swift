import Crypto
package import StrictEncoding

extension Manifest {
    /// Reads and checks a manifest; unknown members, versions and values are refused.
    package init(jsonBytes: [UInt8]) throws(SchemaFault) {
        self = try Manifest.decode(jsonBytes)
        guard custody == .development || !signatures.isEmpty else {
            throw SchemaFault(path: "signatures", problem: "must hold a quorum's signatures")
        }
    }

    /// Reads and checks the body that custodians sign, which holds no signatures yet.
    package init(bodyBytes: [UInt8]) throws(SchemaFault) {
        self = try Manifest.decode(bodyBytes)
        guard signatures.isEmpty, self.bodyBytes == bodyBytes else {
            throw SchemaFault(path: "", problem: "is not a manifest's body in canonical form")
        }
    }

    private static func decode(_ jsonBytes: [UInt8]) throws(SchemaFault) -> Manifest {
        let value: JSONValue
        do {
            // Keys stay in it after their end.
            value = try JSONParser.parse(jsonBytes, maximumElements: 1 << 16)
        } catch {
            throw SchemaFault(path: "", problem: "is not strict JSON: \(error.reason.rawValue) at byte \(error.offset)")
        }
        var reader = try ObjectReader(value)
        let format = try reader.string("format")
        guard format == Manifest.format else { throw reader.fault("format", "must be \(Manifest.format)") }
        let previous = try reader.optionalString("previous")
        var manifest = Manifest(
            appliance: try reader.string("appliance"),
            version: try reader.integer("version", in: 1...JSONValue.safeIntegers.upperBound), previous: previous,
            custody: try reader.value("custody", of: Mode.self), created: try Manifest.time(&reader, "created"),
            hostKey: try reader.optionalString("host_key"),
            tokens: try Manifest.list(&reader, "tokens", ManifestToken.init(json:path:)),
            keys: try Manifest.list(&reader, "keys", ManifestKey.init(json:path:)),
            custodians: try Manifest.list(&reader, "custodians", Person.init(json:path:)),
            approvers: try Manifest.list(&reader, "approvers", Person.init(json:path:)),
            threshold: try reader.integer("threshold", in: 0...16),
            dials: try Dials(json: try reader.required("dials"), path: "dials"),
            signatures: reader.optional("signatures") == nil ? [] : try reader.strings("signatures"))
        if let value = reader.optional("activation") {
            manifest.activation = try Activation(json: value, path: "activation")
        }
        try reader.finish()
        try manifest.validate()
        return manifest
    }

    /// The manifest as a file: canonical JSON and a line feed.
    package var jsonBytes: [UInt8] {
        var object = body
        object["signatures"] = .array(signatures.map { .string($0) })
        return JSONWriter.canonical(.object(object)) + [UInt8(ascii: "\n")]
    }

    /// What custodians sign and what the next manifest's `previous` hashes: the canonical JSON without `signatures`.
    package var bodyBytes: [UInt8] { JSONWriter.canonical(.object(body)) }

    /// SHA-256 of the body in hexadecimal.
    package var hash: String { Hexadecimal.string(SHA256.hash(data: bodyBytes)) }

    private var body: JSONObject {
        var body = JSONObject([
            .init(name: "format", value: .string(Manifest.format)), .init(name: "appliance", value: .string(appliance)),
            .init(name: "version", value: .integer(version)),
            .init(name: "previous", value: previous.map { .string($0) } ?? .null),
            .init(name: "custody", value: .string(custody.rawValue)),
            .init(name: "created", value: .string(created.rfc3339)),
            .init(name: "host_key", value: hostKey.map { .string($0) } ?? .null),
            .init(name: "tokens", value: .array(tokens.map(\.json))),
            .init(name: "keys", value: .array(keys.map(\.json))),
            .init(name: "custodians", value: .array(custodians.map(\.json))),
            .init(name: "approvers", value: .array(approvers.map(\.json))),
            .init(name: "threshold", value: .integer(threshold)), .init(name: "dials", value: dials.json),
        ])
        // Absent under development custody: such manifests keep the hashes they have.
        body["activation"] = activation?.json
        return body
    }

    private static func time(_ reader: inout ObjectReader, _ name: String) throws(SchemaFault) -> UnixTime {
        guard let time = UnixTime(rfc3339: try reader.string(name)) else {
            throw reader.fault(name, "must be a time like 2026-11-23T20:01:55.123Z")
        }
        return time
    }

    private static func list<Element>(
        _ reader: inout ObjectReader, _ name: String,
        _ make: (JSONValue, String) throws(SchemaFault) -> Element
    ) throws(SchemaFault) -> [Element] {
        var result: [Element] = []
        for element in try reader.elements(name) { result.append(try make(element.value, element.path)) }
        return result
    }
}
