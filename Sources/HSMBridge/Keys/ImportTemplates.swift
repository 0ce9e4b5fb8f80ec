internal import CPKCS11

/// Templates of what an import needs, and of what it brings in.
enum ImportTemplates {
    /// The AES key that a custodian's workstation made for one import: it unwraps, and ends with its session.
    ///
    /// CKA_VALUE_LEN stays away: SoftHSM refuses it here, and the wrapped bytes say it.
    static let wrappingKey: [Attribute] =
        [
            .number(.objectClass, CKO_SECRET_KEY), .number(.keyType, CKK_AES), .text(.label, "vault-import"),
        ]
        + [
            (AttributeType.token, false), (.isPrivate, true), (.sensitive, true), (.extractable, false),
            (.unwrap, true), (.wrap, false), (.encrypt, false), (.decrypt, false), (.sign, false), (.verify, false),
            (.derive, false), (.copyable, false), (.modifiable, false),
        ].map { Attribute.flag($0.0, $0.1) }

    /// The public half of an imported key, which the token is given beside the private one.
    static func publicKey(_ key: PublicKey, _ templates: KeyTemplates, profile: TokenProfile) -> [Attribute] {
        let generated = templates.publicKey.filter {
            ![.modulusBits, .publicExponent, .ecParameters].contains($0.type)
        }
        return generated + numbers(of: key, templates.specification.algorithm, profile: profile)
    }

    private static func numbers(
        of key: PublicKey, _ algorithm: KeyAlgorithm, profile: TokenProfile
    ) -> [Attribute] {
        switch key {
        case .rsa(let modulus, let exponent): return [.data(.modulus, modulus), .data(.publicExponent, exponent)]
        case .ec(let x, let y): return point([4] + x + y, algorithm, isBare: false)
        case .ed25519(let bytes):
            return point(bytes, algorithm, isBare: profile.quirks.contains(.bareEdwardsPoint))
        }
    }

    /// CKA_EC_POINT is a DER OCTET STRING (PKCS#11 v2.40 section 2.3.3).
    private static func point(_ bytes: [UInt8], _ algorithm: KeyAlgorithm, isBare: Bool) -> [Attribute] {
        let wrapped = isBare ? bytes : [0x04, UInt8(truncatingIfNeeded: bytes.count)] + bytes
        return [.data(.ecParameters, algorithm.curveParameters ?? []), .data(.ecPoint, wrapped)]
    }
}
