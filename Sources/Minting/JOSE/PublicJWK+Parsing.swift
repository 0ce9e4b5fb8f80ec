package import StrictEncoding

extension PublicJWK {
    /// Members that only private or symmetric keys have.
    ///
    /// Source: RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1.
    private static let privateMembers: Set<String> = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]

    /// Reads a JWK that must be a public signing key.
    ///
    /// Its `alg` pins its algorithm, which must be one of `algorithms`; without `alg` exactly one of them must fit the
    /// key. A `kid` must be there, unless `kid` is given, which then must be the same. Members the standard does not
    /// know are ignored (RFC 7517 section 4), and so are certificates: keys are trusted for standing in the set.
    package init(
        parsing object: JSONObject, algorithms: Set<JWSAlgorithm> = Set(JWSAlgorithm.allCases), kid: String? = nil
    ) throws(MintingError) {
        let label = Self.label(object["kid"]?.string ?? kid)
        guard object.members.allSatisfy({ !Self.privateMembers.contains($0.name) }) else {
            throw MintingError(.privateKey, "\(label): holds private members; revoke it and publish public keys alone")
        }
        try Self.checkUse(object, label)
        let material = try Self.material(object, label)
        let algorithm = try Self.algorithm(object, material, algorithms, label)
        let name = try Self.keyID(object, kid)
        do {
            try self.init(material, algorithm: algorithm, kid: name)
        } catch {
            throw MintingError(error.code, "\(label): \(error.context)")
        }
    }

    private static func label(_ kid: String?) -> String {
        guard let kid, VisibleASCII.isName(kid, maximum: maximumKeyIDLength) else {
            return "a key without a proper kid"
        }
        return "key \(kid)"
    }

    private static func keyID(_ object: JSONObject, _ expected: String?) throws(MintingError) -> String {
        guard let value = object["kid"] else {
            guard let expected else { throw MintingError(.badKeyID, "a key has no kid") }
            return expected
        }
        guard let name = value.string, VisibleASCII.isName(name, maximum: maximumKeyIDLength) else {
            throw MintingError(.badKeyID, "a kid is not 1 to \(maximumKeyIDLength) visible ASCII characters")
        }
        guard expected == nil || expected == name else { throw MintingError(.badKeyID, "key \(name): has another kid") }
        return name
    }

    /// `use` and `key_ops` where present must allow verification.
    ///
    /// Source: RFC 7517 sections 4.2 and 4.3.
    private static func checkUse(_ object: JSONObject, _ label: String) throws(MintingError) {
        if let use = object["use"] {
            guard let use = use.string else { throw MintingError(.malformed, "\(label): use must be a string") }
            guard use == "sig" else { throw MintingError(.unsupportedKey, "\(label): use is not sig") }
        }
        if let operations = object["key_ops"] {
            guard let operations = operations.strings, Set(operations).count == operations.count else {
                throw MintingError(.malformed, "\(label): key_ops must be an array of distinct strings")
            }
            guard operations.contains("verify") else {
                throw MintingError(.unsupportedKey, "\(label): key_ops does not allow verify")
            }
        }
    }

    private static func material(_ object: JSONObject, _ label: String) throws(MintingError) -> Material {
        func number(_ name: String) throws(MintingError) -> [UInt8] {
            guard let bytes = object[name]?.string.flatMap({ Base64URL.decode($0) }), !bytes.isEmpty else {
                throw MintingError(.malformed, "\(label): \(name) must be base64url without padding")
            }
            return bytes
        }
        guard let type = object["kty"]?.string else { throw MintingError(.malformed, "\(label): kty is missing") }
        switch (type, object["crv"]?.string) {
        case ("EC", "P-256"): return .p256(x: try number("x"), y: try number("y"))
        case ("RSA", _): return .rsa(n: try number("n"), e: try number("e"))
        case ("OKP", "Ed25519"): return .ed25519(x: try number("x"))
        default: throw MintingError(.unsupportedKey, "\(label): is not EC P-256, RSA or OKP Ed25519")
        }
    }

    private static func algorithm(
        _ object: JSONObject, _ material: Material, _ allowed: Set<JWSAlgorithm>, _ label: String
    ) throws(MintingError) -> JWSAlgorithm {
        let fitting = Set(JWSAlgorithm.fitting(material)).intersection(allowed)
        if let value = object["alg"] {
            guard let name = value.string else { throw MintingError(.malformed, "\(label): alg must be a string") }
            guard let algorithm = JWSAlgorithm(anyName: name), fitting.contains(algorithm) else {
                throw MintingError(.unsupportedKey, "\(label): its alg does not fit it or is not allowed here")
            }
            return algorithm
        }
        guard let algorithm = fitting.first else {
            throw MintingError(.unsupportedKey, "\(label): no allowed algorithm fits it")
        }
        guard fitting.count == 1 else {
            throw MintingError(
                .ambiguousAlgorithm,
                "\(label): names no alg and could be used with RS256 or PS256; allow only one of them")
        }
        return algorithm
    }
}

extension JWSAlgorithm {
    fileprivate static func fitting(_ material: PublicJWK.Material) -> [JWSAlgorithm] {
        switch material {
        case .p256: [.es256]
        case .rsa: [.rs256, .ps256]
        case .ed25519: [.edDSA]
        }
    }
}
