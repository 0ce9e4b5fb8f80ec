internal import CPKCS11

/// An object on the token, as the token describes it.
package struct TokenObject: Sendable, Equatable {
    /// What kind of object it is.
    package enum Kind: String, Sendable {
        case publicKey, privateKey, secretKey, certificate, other
    }

    /// What kind of object it is.
    package let kind: Kind
    /// CKA_LABEL; bytes that are not UTF-8 are replaced.
    package let label: String
    /// CKA_ID.
    package let id: [UInt8]
    /// Flags by name, as in `CKA_EXTRACTABLE`; those the object does not have are absent.
    package let attributes: [String: Bool]
    /// CKA_ALLOWED_MECHANISMS as CK_MECHANISM_TYPE; empty when the object has none.
    package let allowedMechanisms: [UInt]
}

extension HSM {
    /// Everything the token shows to its user: what is there that no manifest names shows in comparison.
    package func inventory() async throws(HSMError) -> [TokenObject] {
        try await perform { (session) throws(HSMError) in
            var objects: [TokenObject] = []
            for object in try session.find([], limit: HSM.largestInventory) {
                objects.append(try session.describe(object))
            }
            return objects
        }
    }

    private static var largestInventory: Int { 10_000 }
}

extension Session {
    private static let flags: [AttributeType] = [
        .token, .isPrivate, .sensitive, .alwaysSensitive, .extractable, .neverExtractable, .local, .sign, .signRecover,
        .verify, .decrypt, .encrypt, .wrap, .unwrap, .derive, .modifiable, .copyable, .destroyable, .alwaysAuthenticate,
    ]

    fileprivate func describe(_ object: CK_OBJECT_HANDLE) throws(HSMError) -> TokenObject {
        var attributes: [String: Bool] = [:]
        for type in Session.flags { attributes[type.name] = try flag(type, of: object) }
        let kind: TokenObject.Kind =
            switch try numbers(.objectClass, of: object).first {
            case CKO_PUBLIC_KEY: .publicKey
            case CKO_PRIVATE_KEY: .privateKey
            case CKO_SECRET_KEY: .secretKey
            case CKO_CERTIFICATE: .certificate
            default: .other
            }
        return TokenObject(
            kind: kind, label: String(decoding: try attribute(.label, of: object) ?? [], as: UTF8.self),
            id: try attribute(.id, of: object) ?? [], attributes: attributes,
            allowedMechanisms: try numbers(.allowedMechanisms, of: object))
    }
}
