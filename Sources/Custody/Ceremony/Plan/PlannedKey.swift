package import StrictEncoding

/// A key that a ceremony makes or takes in: what for, how, and what the gate will let it sign.
package struct PlannedKey: Sendable, Equatable {
    package var label: String
    package var purpose: ManifestKey.Purpose
    /// A JOSE name; `RSA-OAEP-256` or `RSA-OAEP`, as the token can, for a key that opens sealed secrets.
    package var algorithm: String
    /// Present for signing and assertion keys alone.
    package var gate: ManifestKey.Gate?

    private static let signatures = ["ES256", "ES384", "EdDSA", "RS256", "PS256"]

    /// The algorithms that a purpose admits.
    package static func algorithms(for purpose: ManifestKey.Purpose) -> [String] {
        switch purpose {
        case .signing, .assertion: signatures
        case .checkpoint: ["EdDSA", "ES256"]
        case .tls: ["ES256", "ES384", "PS256", "EdDSA"]
        case .kek: ["RSA-OAEP-256", "RSA-OAEP"]
        }
    }

    /// A planned key.
    package init(label: String, purpose: ManifestKey.Purpose, algorithm: String, gate: ManifestKey.Gate?) {
        self.label = label
        self.purpose = purpose
        self.algorithm = algorithm
        self.gate = gate
    }

    /// Reads one of a plan's `keys`.
    package init(_ reader: PlanReader) {
        label = reader.label("label")
        purpose = reader.choice("purpose", of: ManifestKey.Purpose.self, placeholder: .signing)
        let admitted = PlannedKey.algorithms(for: purpose)
        algorithm = reader.text(
            "alg", "must be one of \(admitted.joined(separator: ", ")) for a \(purpose.rawValue) key",
            mend: "choose one of them", admitted.contains)
        if purpose == .signing || purpose == .assertion {
            gate = ManifestKey.Gate(
                issuer: reader.text(
                    "issuer", "must be the issuer that the key's tokens name",
                    mend: "write it like https://vault.acme.example",
                    PlanReader.isLine),
                types: reader.texts(
                    "types", "must be header types like at+jwt, each once", mend: "write them like [\"at+jwt\"]"
                ) { (1...64).contains($0.utf8.count) && $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } },
                maximumLifetime: reader.seconds("max_lifetime", 1...86_400))
        } else {
            for name in ["issuer", "types", "max_lifetime"] where reader.has(name) {
                reader.fault(name, "belongs to signing and assertion keys alone", mend: "remove it")
            }
        }
    }

    /// Reads a list of keys, which must have labels of their own.
    package static func list(_ reader: PlanReader, _ name: String = "keys", _ range: ClosedRange<Int>) -> [PlannedKey] {
        var keys: [PlannedKey] = []
        for part in reader.parts(name, range) {
            let key = PlannedKey(part)
            part.finish()
            if !key.label.isEmpty, keys.contains(where: { $0.label == key.label }) {
                part.fault("label", "stands twice", mend: "give each key a label of its own")
            }
            keys.append(key)
        }
        return keys
    }

    /// As it stands in a plan.
    package var json: JSONValue {
        var object = JSONObject()
        object["label"] = .string(label)
        object["purpose"] = .string(purpose.rawValue)
        object["alg"] = .string(algorithm)
        if let gate {
            object["issuer"] = .string(gate.issuer)
            object["types"] = .array(gate.types.map { .string($0) })
            object["max_lifetime"] = .integer(gate.maximumLifetime)
        }
        return .object(object)
    }
}
