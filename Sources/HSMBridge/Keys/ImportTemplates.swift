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
            (.derive, false), (.modifiable, false), (.copyable, false),
        ].map { Attribute.flag($0.0, $0.1) }
}
