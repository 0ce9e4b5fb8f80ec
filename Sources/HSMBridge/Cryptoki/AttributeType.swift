internal import CPKCS11

/// The kind of an attribute of an object (CK_ATTRIBUTE_TYPE).
struct AttributeType: RawRepresentable, Sendable, Hashable {
    let rawValue: CK_ATTRIBUTE_TYPE

    /// As in `CKA_SENSITIVE`; evidence and errors show it.
    var name: String { AttributeType.names[self] ?? "0x" + String(rawValue, radix: 16) }

    static let objectClass = AttributeType(rawValue: CKA_CLASS)
    static let token = AttributeType(rawValue: CKA_TOKEN)
    static let isPrivate = AttributeType(rawValue: CKA_PRIVATE)
    static let label = AttributeType(rawValue: CKA_LABEL)
    static let value = AttributeType(rawValue: CKA_VALUE)
    static let keyType = AttributeType(rawValue: CKA_KEY_TYPE)
    static let id = AttributeType(rawValue: CKA_ID)
    static let sensitive = AttributeType(rawValue: CKA_SENSITIVE)
    static let encrypt = AttributeType(rawValue: CKA_ENCRYPT)
    static let decrypt = AttributeType(rawValue: CKA_DECRYPT)
    static let wrap = AttributeType(rawValue: CKA_WRAP)
    static let unwrap = AttributeType(rawValue: CKA_UNWRAP)
    static let sign = AttributeType(rawValue: CKA_SIGN)
    static let signRecover = AttributeType(rawValue: CKA_SIGN_RECOVER)
    static let verify = AttributeType(rawValue: CKA_VERIFY)
    static let verifyRecover = AttributeType(rawValue: CKA_VERIFY_RECOVER)
    static let derive = AttributeType(rawValue: CKA_DERIVE)
    static let modulus = AttributeType(rawValue: CKA_MODULUS)
    static let modulusBits = AttributeType(rawValue: CKA_MODULUS_BITS)
    static let publicExponent = AttributeType(rawValue: CKA_PUBLIC_EXPONENT)
    static let privateExponent = AttributeType(rawValue: CKA_PRIVATE_EXPONENT)
    static let prime1 = AttributeType(rawValue: CKA_PRIME_1)
    static let prime2 = AttributeType(rawValue: CKA_PRIME_2)
    static let exponent1 = AttributeType(rawValue: CKA_EXPONENT_1)
    static let exponent2 = AttributeType(rawValue: CKA_EXPONENT_2)
    static let coefficient = AttributeType(rawValue: CKA_COEFFICIENT)
    static let extractable = AttributeType(rawValue: CKA_EXTRACTABLE)
    static let local = AttributeType(rawValue: CKA_LOCAL)
    static let neverExtractable = AttributeType(rawValue: CKA_NEVER_EXTRACTABLE)
    static let alwaysSensitive = AttributeType(rawValue: CKA_ALWAYS_SENSITIVE)
    static let modifiable = AttributeType(rawValue: CKA_MODIFIABLE)
    static let copyable = AttributeType(rawValue: CKA_COPYABLE)
    static let destroyable = AttributeType(rawValue: CKA_DESTROYABLE)
    static let ecParameters = AttributeType(rawValue: CKA_EC_PARAMS)
    static let ecPoint = AttributeType(rawValue: CKA_EC_POINT)
    static let alwaysAuthenticate = AttributeType(rawValue: CKA_ALWAYS_AUTHENTICATE)
    static let allowedMechanisms = AttributeType(rawValue: P11_ALLOWED_MECHANISMS)

    private static let names: [AttributeType: String] = [
        .objectClass: "CKA_CLASS", .token: "CKA_TOKEN", .isPrivate: "CKA_PRIVATE", .label: "CKA_LABEL",
        .value: "CKA_VALUE", .keyType: "CKA_KEY_TYPE", .id: "CKA_ID", .sensitive: "CKA_SENSITIVE",
        .encrypt: "CKA_ENCRYPT", .decrypt: "CKA_DECRYPT", .wrap: "CKA_WRAP", .unwrap: "CKA_UNWRAP",
        .sign: "CKA_SIGN", .signRecover: "CKA_SIGN_RECOVER", .verify: "CKA_VERIFY",
        .verifyRecover: "CKA_VERIFY_RECOVER", .derive: "CKA_DERIVE", .modulus: "CKA_MODULUS",
        .modulusBits: "CKA_MODULUS_BITS", .publicExponent: "CKA_PUBLIC_EXPONENT",
        .privateExponent: "CKA_PRIVATE_EXPONENT", .prime1: "CKA_PRIME_1", .prime2: "CKA_PRIME_2",
        .exponent1: "CKA_EXPONENT_1", .exponent2: "CKA_EXPONENT_2", .coefficient: "CKA_COEFFICIENT",
        .extractable: "CKA_EXTRACTABLE", .local: "CKA_LOCAL",
        .neverExtractable: "CKA_NEVER_EXTRACTABLE", .alwaysSensitive: "CKA_ALWAYS_SENSITIVE",
        .modifiable: "CKA_MODIFIABLE", .copyable: "CKA_COPYABLE", .destroyable: "CKA_DESTROYABLE",
        .ecParameters: "CKA_EC_PARAMS", .ecPoint: "CKA_EC_POINT", .alwaysAuthenticate: "CKA_ALWAYS_AUTHENTICATE",
        .allowedMechanisms: "CKA_ALLOWED_MECHANISMS",
    ]
}
