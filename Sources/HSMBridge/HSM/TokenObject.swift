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

    /// An object as another process saw it.
    package init(kind: Kind, label: String, id: [UInt8], attributes: [String: Bool], allowedMechanisms: [UInt]) {
        self.kind = kind
        self.label = label
        self.id = id
        self.attributes = attributes
        self.allowedMechanisms = allowedMechanisms
    }
}
