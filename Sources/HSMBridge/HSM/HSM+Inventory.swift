internal import CPKCS11

extension HSM {
    /// Everything the token shows to its user: what is there that no manifest names shows in comparison.
    ///
    /// An object that cannot be read is an error: it must not pass for absent. One whose handle ends meanwhile is gone, or
    /// the login was: then all is looked at anew, logged in.
    package func inventory() async throws(HSMError) -> [TokenObject] {
        for _ in 1..<HSM.inventoryTries {
            do throws(HSMError) {
                return try await lookAtEveryObject()
            } catch {
                guard error.failureClass == .handle else { throw error }
            }
        }
        return try await lookAtEveryObject()
    }

    private func lookAtEveryObject() async throws(HSMError) -> [TokenObject] {
        try await perform(within: configuration.generationLimit) { (session) throws(HSMError) in
            try session.describeAll()
        }
    }

    /// How often a token is looked at whose objects end while they are read.
    static var inventoryTries: Int { 3 }

    static var largestInventory: Int { 10_000 }
}

extension Session {
    static let flags: [AttributeType] = [
        .token, .isPrivate, .sensitive, .alwaysSensitive, .extractable, .neverExtractable, .local, .sign, .signRecover,
        .verify, .decrypt, .encrypt, .wrap, .unwrap, .derive, .modifiable, .copyable, .destroyable, .alwaysAuthenticate,
    ]

    /// Every object, or an error where one cannot be read.
    func describeAll() throws(HSMError) -> [TokenObject] {
        var objects: [TokenObject] = []
        for object in try find([], limit: HSM.largestInventory) { objects.append(try describe(object)) }
        return objects
    }

    func describe(_ object: CK_OBJECT_HANDLE) throws(HSMError) -> TokenObject {
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
