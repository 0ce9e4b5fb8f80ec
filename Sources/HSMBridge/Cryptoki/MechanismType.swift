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
    static let rsaPSS = MechanismType(rawValue: CKM_RSA_PKCS_PSS)
    static let ecdsa = MechanismType(rawValue: CKM_ECDSA)
    static let ecdsaSHA1 = MechanismType(rawValue: CKM_ECDSA_SHA1)
    static let ecdsaSHA256 = MechanismType(rawValue: CKM_ECDSA_SHA256)
    static let edDSA = MechanismType(rawValue: CKM_EDDSA)
}
