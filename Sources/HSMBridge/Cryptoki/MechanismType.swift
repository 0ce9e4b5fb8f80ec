internal import CPKCS11

/// The kind of a mechanism (CK_MECHANISM_TYPE).
struct MechanismType: RawRepresentable, Sendable, Hashable {
    let rawValue: CK_MECHANISM_TYPE

    static let rsaKeyPairGeneration = MechanismType(rawValue: CKM_RSA_PKCS_KEY_PAIR_GEN)
    static let ecKeyPairGeneration = MechanismType(rawValue: CKM_EC_KEY_PAIR_GEN)
    static let edwardsKeyPairGeneration = MechanismType(rawValue: CKM_EC_EDWARDS_KEY_PAIR_GEN)
    static let rsaPKCS = MechanismType(rawValue: CKM_RSA_PKCS)
    static let sha256RSAPKCS = MechanismType(rawValue: CKM_SHA256_RSA_PKCS)
    static let sha512RSAPKCS = MechanismType(rawValue: CKM_SHA512_RSA_PKCS)
    static let rsaOAEP = MechanismType(rawValue: CKM_RSA_PKCS_OAEP)
    static let rsaPSS = MechanismType(rawValue: CKM_RSA_PKCS_PSS)
    static let ecdsa = MechanismType(rawValue: CKM_ECDSA)
    static let ecdsaSHA1 = MechanismType(rawValue: CKM_ECDSA_SHA1)
    static let ecdsaSHA256 = MechanismType(rawValue: CKM_ECDSA_SHA256)
    static let aesKeyWrapPad = MechanismType(rawValue: CKM_AES_KEY_WRAP_PAD)
    /// PKCS#11 v3.0 only, so p11-kit's header of 2.40 lacks it: RFC 5649 beyond doubt.
    static let aesKeyWrapKWP = MechanismType(rawValue: 0x210B)
    static let edDSA = MechanismType(rawValue: CKM_EDDSA)

    /// As in `CKM_ECDSA`; reports show it.
    var name: String { MechanismType.names[self] ?? "0x" + String(rawValue, radix: 16) }

    private static let names: [MechanismType: String] = [
        .rsaKeyPairGeneration: "CKM_RSA_PKCS_KEY_PAIR_GEN", .ecKeyPairGeneration: "CKM_EC_KEY_PAIR_GEN",
        .edwardsKeyPairGeneration: "CKM_EC_EDWARDS_KEY_PAIR_GEN", .rsaPKCS: "CKM_RSA_PKCS",
        .sha256RSAPKCS: "CKM_SHA256_RSA_PKCS", .sha512RSAPKCS: "CKM_SHA512_RSA_PKCS", .rsaOAEP: "CKM_RSA_PKCS_OAEP",
        .rsaPSS: "CKM_RSA_PKCS_PSS", .ecdsa: "CKM_ECDSA", .ecdsaSHA1: "CKM_ECDSA_SHA1",
        .ecdsaSHA256: "CKM_ECDSA_SHA256", .edDSA: "CKM_EDDSA", .aesKeyWrapPad: "CKM_AES_KEY_WRAP_PAD",
        .aesKeyWrapKWP: "CKM_AES_KEY_WRAP_KWP",
    ]
}
