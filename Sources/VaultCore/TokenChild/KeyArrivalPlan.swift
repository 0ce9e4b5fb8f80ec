package import HSMBridge
package import StrictEncoding

extension KeyReference {
    /// A key that is to come into a token from outside: what it will be called and used for, and its public key.
    package struct Arrival: Sendable, Equatable {
        package let specification: KeySpecification
        /// The public key it must belong to, as a JWK of required members alone.
        package let jwk: JSONObject

        /// A plan for a key.
        package init(specification: KeySpecification, jwk: JSONObject) {
            self.specification = specification
            self.jwk = jwk
        }

        /// The public key as numbers.
        package var publicKey: PublicKey {
            get throws(HSMError) {
                guard let key = PublicKey(jwk: jwk) else {
                    throw HSMError(.importRefused, function: nil, returnValue: nil, context: "its JWK cannot be read")
                }
                return key
            }
        }

        var json: JSONValue {
            [
                "label": .string(specification.label), "alg": .string(specification.algorithm.rawValue),
                "purpose": .string(specification.purpose.rawValue), "destroyable": .bool(specification.isDestroyable),
                "jwk": .object(jwk),
            ]
        }

        init(_ json: JSONValue, path: String) throws(SchemaFault) {
            var reader = try ObjectReader(json, path: path)
            guard let algorithm = KeyAlgorithm(rawValue: try reader.string("alg")) else {
                throw reader.fault("alg", "is not known")
            }
            guard let jwk = try reader.required("jwk").object else { throw reader.fault("jwk", "must be a JWK") }
            self.init(
                specification: KeySpecification(
                    label: try reader.string("label"), algorithm: algorithm,
                    purpose: try reader.value("purpose", of: KeyPurpose.self),
                    isDestroyable: try reader.bool("destroyable")), jwk: jwk)
            try reader.finish()
        }
    }
}

extension GeneratedKey {
    var json: JSONValue {
        [
            "id": .string(Hexadecimal.string(reference.id)), "label": .string(reference.label),
            "alg": .string(reference.algorithm.rawValue), "jwk": .object(reference.publicKey.jwk),
            "purpose": .string(purpose.rawValue), "imported": .bool(isImported),
            "attributes": .object(
                JSONObject(attributes.sorted { $0.key < $1.key }.map { .init(name: $0.key, value: .bool($0.value)) })),
            "refusals": .object(
                JSONObject(
                    refusals.sorted { $0.key < $1.key }.map {
                        .init(name: $0.key, value: .integer(Int64(clamping: $0.value.rawValue)))
                    })),
        ]
    }

    init(_ json: JSONValue, path: String) throws(SchemaFault) {
        var reader = try ObjectReader(json, path: path)
        guard let id = Hexadecimal.decode(try reader.string("id")),
            let algorithm = KeyAlgorithm(rawValue: try reader.string("alg")),
            let publicKey = try reader.required("jwk").object.flatMap({ PublicKey(jwk: $0) })
        else { throw reader.fault("jwk", "is not a key") }
        var attributes: [String: Bool] = [:]
        for member in try reader.required("attributes").object?.members ?? [] {
            attributes[member.name] = member.value.bool
        }
        var refusals: [String: ReturnValue] = [:]
        for member in try reader.required("refusals").object?.members ?? [] {
            refusals[member.name] = member.value.integer.map { ReturnValue(rawValue: UInt($0)) }
        }
        self.init(
            reference: KeyReference(
                id: id, label: try reader.string("label"), algorithm: algorithm, publicKey: publicKey),
            purpose: try reader.value("purpose", of: KeyPurpose.self), isImported: try reader.bool("imported"),
            attributes: attributes, refusals: refusals)
        try reader.finish()
    }
}
