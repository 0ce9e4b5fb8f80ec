internal import CPKCS11

/// Reads a new private key's attributes back and tries what it must refuse.
///
/// Copying is probed without C_CopyObject, which the bridge does not have: a token that reports CKA_COPYABLE false and
/// refuses to make it true has said all that a copy could show, and a copy that succeeded would be what I1 forbids.
struct KeyExamination {
    let object: CK_OBJECT_HANDLE
    let templates: KeyTemplates
    let profile: TokenProfile

    /// Attributes that a token need not know, since they only narrow what the others allow.
    private static let optional: Set<AttributeType> = [
        .signRecover, .modifiable, .copyable, .destroyable, .alwaysAuthenticate,
    ]
    private static let promises: [(type: AttributeType, value: Bool)] = [
        (.alwaysSensitive, true), (.neverExtractable, true), (.local, true),
    ]

    private static let changes: [(name: String, attribute: Attribute)] = [
        ("set_extractable", .flag(.extractable, true)), ("set_not_sensitive", .flag(.sensitive, false)),
        ("set_copyable", .flag(.copyable, true)), ("set_decrypt", .flag(.decrypt, true)),
        ("set_unwrap", .flag(.unwrap, true)), ("set_label", .text(.label, "changed")),
    ]

    /// Every flag as it was asked for, and born in the token; else the key is refused.
    func readBack(in session: borrowing Session) throws(HSMError) -> [String: Bool] {
        var attributes: [String: Bool] = [:]
        for (type, wanted) in KeyTemplates.privateFlags + KeyExamination.promises {
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
            for change in KeyExamination.changes {
                refusals[change.name] = try judge(session.set(change.attribute, of: object), change.name)
            }
        }
        if templates.specification.algorithm.curveParameters == nil {
            refusals["decrypt"] = try refusal("decrypt") { () throws(HSMError) in
                try session.decryptInit(.plain(.rsaPKCS), key: object)
            }
        }
        guard templates.restrictsMechanisms else { return refusals }
        for mechanism in templates.specification.algorithm.foreignMechanisms
        where profile.mechanisms.contains(mechanism.type) {
            refusals["other_mechanism"] = try refusal("other_mechanism") { () throws(HSMError) in
                try session.signInit(mechanism, key: object)
            }
        }
        return refusals
    }

    /// A sensitive attribute must not even tell its length, or at least not its value.
    private func refusalToRead(in session: borrowing Session) throws(HSMError) -> ReturnValue {
        let type: AttributeType =
            templates.specification.algorithm.curveParameters == nil ? .privateExponent : .value
        return try judge(session.lengthProbe(type, object).value, "read_private")
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
