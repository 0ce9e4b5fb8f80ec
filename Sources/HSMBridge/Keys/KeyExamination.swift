internal import CPKCS11

/// Reads a new private key's attributes back and tries what it must refuse.
///
/// Copying is probed without C_CopyObject, which the bridge does not have: a token that reports CKA_COPYABLE false and
/// refuses to make it true has said all that a copy could show, and a copy that succeeded would be what I1 forbids.
struct KeyExamination {
    let object: CK_OBJECT_HANDLE
    let templates: KeyTemplates
    let profile: TokenProfile
    /// Whether the key was born in the token; one that was brought in must not say so of itself.
    var isLocal = true

    /// Attributes that a token need not know, since they only narrow what the others allow.
    static let optional: Set<AttributeType> = [
        .signRecover, .modifiable, .copyable, .destroyable, .alwaysAuthenticate,
    ]
    private static let promises: [AttributeType] = [.alwaysSensitive, .neverExtractable, .local]

    /// The other uses, and everything that would loosen the key.
    private var changes: [(name: String, attribute: Attribute)] {
        let uses: [(name: String, type: AttributeType)] = [
            ("set_sign", .sign), ("set_decrypt", .decrypt), ("set_unwrap", .unwrap),
        ]
        return [
            ("set_extractable", .flag(.extractable, true)), ("set_not_sensitive", .flag(.sensitive, false)),
            ("set_copyable", .flag(.copyable, true)), ("set_label", .text(.label, "changed")),
        ] + uses.filter { $0.type != templates.use.attribute }.map { ($0.name, .flag($0.type, true)) }
    }

    /// Every flag as it was asked for, and born in the token, or not; else the key is refused.
    ///
    /// What a token says of an imported key's past is recorded as it is: PKCS#11 wants all three false, and some tokens
    /// say the same of every key.
    func readBack(in session: borrowing Session) throws(HSMError) -> [String: Bool] {
        var attributes: [String: Bool] = [:]
        if !isLocal {
            for type in KeyExamination.promises { attributes[type.name] = try session.flag(type, of: object) }
            guard attributes[AttributeType.local.name] != true || profile.quirks.contains(.historyHardWired) else {
                throw refused(.local)
            }
        }
        let promises = isLocal ? KeyExamination.promises.map { (type: $0, value: true) } : []
        for (type, wanted) in templates.privateFlags + promises {
            guard let value = try session.flag(type, of: object) else {
                guard KeyExamination.optional.contains(type) else { throw refused(type) }
                continue
            }
            guard value == wanted else { throw refused(type) }
            attributes[type.name] = value
        }
        for case let attribute in templates.privateKey where attribute.type == .label || attribute.type == .id {
            guard try session.attribute(attribute.type, of: object) == attribute.bytes else {
                throw refused(attribute.type)
            }
        }
        attributes[AttributeType.allowedMechanisms.name] = templates.restrictsMechanisms
        guard templates.restrictsMechanisms else { return attributes }
        guard try session.numbers(.allowedMechanisms, of: object) == [templates.mechanism.type.rawValue] else {
            throw refused(.allowedMechanisms)
        }
        return attributes
    }

    /// What the key must refuse, each with what the token said; the session may be left inside an operation.
    func probe(in session: borrowing Session) throws(HSMError) -> [String: ReturnValue] {
        var refusals: [String: ReturnValue] = [:]
        refusals["read_private"] = try refusalToRead(in: session)
        // A token known to freeze nothing would take the changes, and the key would no longer look as it was made.
        if !profile.quirks.contains(.attributesNotFrozen) {
            for change in changes {
                refusals[change.name] = try judge(session.set(change.attribute, of: object), change.name)
            }
        }
        if templates.specification.algorithm.isRSA { try probeOtherUses(&refusals, in: session) }
        if !templates.specification.isDestroyable {
            // Should the token do it after all, the key is gone and refused.
            refusals["destroy"] = try refusal("destroy") { () throws(HSMError) in try session.destroy(object) }
        }
        guard templates.restrictsMechanisms else { return refusals }
        for mechanism in templates.specification.algorithm.foreignMechanisms
        where profile.mechanisms.contains(mechanism.type) {
            refusals["other_mechanism"] = try refusal("other_mechanism") { () throws(HSMError) in
                if templates.use == .sign {
                    try session.signInit(mechanism, key: object)
                } else {
                    try session.decryptInit(mechanism, key: object)
                }
            }
        }
        return refusals
    }

    /// What an RSA key could also do: an unwrapping that the key allowed would succeed, since what it gets is wrapped for
    /// it.
    private func probeOtherUses(
        _ refusals: inout [String: ReturnValue], in session: borrowing Session
    ) throws(HSMError) {
        if templates.use != .decrypt {
            refusals["decrypt"] = try refusal("decrypt") { () throws(HSMError) in
                try session.decryptInit(.plain(.rsaPKCS), key: object)
            }
        }
        guard templates.use == .decrypt, let hash = templates.specification.algorithm.oaepHash else { return }
        refusals["sign"] = try refusal("sign") { () throws(HSMError) in
            try session.signInit(.plain(.rsaPKCS), key: object)
        }
        let publicKey = try session.publicKey(of: object, algorithm: templates.specification.algorithm)
        let wrapped = try OAEPEncryption(publicKey, hash: hash).encrypt([UInt8](repeating: 0, count: 32))
        refusals["unwrap"] = try refusal("unwrap") { () throws(HSMError) in
            let made = try session.unwrapKey(
                .oaep(hash), with: object, wrapped, template: ImportTemplates.wrappingKey)
            try session.destroy(made)
        }
    }

    /// A sensitive attribute must not even tell its length, or at least not its value.
    private func refusalToRead(in session: borrowing Session) throws(HSMError) -> ReturnValue {
        let type: AttributeType =
            templates.specification.algorithm.isRSA ? .privateExponent : .value
        switch session.refusalToShow(type, of: object) {
        case .some(.ok): return .ok
        case let answer: return try judge(answer ?? .ok, "read_private")
        }
    }

    private func refusal(_ name: String, _ call: () throws(HSMError) -> Void) throws(HSMError) -> ReturnValue {
        do throws(HSMError) {
            try call()
        } catch {
            return try judge(error.returnValue ?? .ok, name)
        }
        return try judge(.ok, name)
    }

    /// Only a refusal of the operation itself proves anything; a lost session or a broken device does not.
    private func judge(_ value: ReturnValue, _ name: String) throws(HSMError) -> ReturnValue {
        guard value != .ok else { throw HSMError(.keyRefused, context: "the key did not refuse \(name)") }
        switch value.failureClass {
        case .operation, .ambiguous: return value
        default: throw HSMError(.setAttributeValue, value)
        }
    }

    private func refused(_ type: AttributeType) -> HSMError {
        HSMError(.keyRefused, context: "\(templates.specification.label): \(type.name)")
    }
}
