internal import CPKCS11

/// The full explicit templates of a new key pair: silence would mean the token's defaults (docs/hsm.md, "Keys").
struct KeyTemplates {
    let specification: KeySpecification
    let id: [UInt8]
    let mechanism: Mechanism
    /// What the private key is for.
    let use: KeyUse
    /// Whether the token takes CKA_ALLOWED_MECHANISMS.
    let restrictsMechanisms: Bool
    /// Whether the public key's template states its uses.
    var statesPublicUses = true
    /// Attributes that are not stated, since the token does not know them.
    var unstated: Set<AttributeType> = []
    /// Whether the pair outlives its session.
    var isKept = true

    /// Flags of the private key, and what a token that keeps its word reports of them.
    static func privateFlags(
        _ use: KeyUse, isDestroyable: Bool = true, isKept: Bool = true
    ) -> [(type: AttributeType, value: Bool)] {
        [
            (.token, isKept), (.isPrivate, true), (.sensitive, true), (.extractable, false), (.sign, use == .sign),
            (.signRecover, false), (.decrypt, use == .decrypt), (.unwrap, use == .unwrap), (.derive, false),
            (.modifiable, false), (.copyable, false), (.destroyable, isDestroyable), (.alwaysAuthenticate, false),
        ]
    }

    private var publicFlags: [(type: AttributeType, value: Bool)] {
        [
            (.token, isKept), (.isPrivate, false), (.verify, use.publicAttribute == .verify), (.verifyRecover, false),
            (.encrypt, use.publicAttribute == .encrypt), (.wrap, false), (.derive, false), (.modifiable, false),
            (.copyable, false), (.destroyable, specification.isDestroyable),
        ]
    }

    /// Templates for the pair, the fullest first: a token that does not know an attribute says so, and is asked again with
    /// fewer.
    ///
    /// CKA_ALLOWED_MECHANISMS goes first, then CKA_ALWAYS_AUTHENTICATE, which the YubiHSM 2 does not know and which is false
    /// unless stated, then all that a key may lack. What the token has made of the key is read back whatever was stated.
    static func fullestFirst(
        _ specification: KeySpecification, id: [UInt8], mechanism: Mechanism, profile: TokenProfile
    ) -> [KeyTemplates] {
        let steps: [(restricts: Bool, unstated: Set<AttributeType>)] = [
            (true, []), (false, []), (false, [.alwaysAuthenticate]),
            (false, KeyExamination.optional.union([.verifyRecover])),
        ]
        return steps.map { restricts, unstated in
            KeyTemplates(
                specification: specification, id: id, mechanism: mechanism, use: specification.purpose.use,
                restrictsMechanisms: restricts, statesPublicUses: !profile.quirks.contains(.publicUsesUnstated),
                unstated: unstated)
        }
    }

    /// The first of the templates that the token takes, with what `make` made by it.
    static func firstTaken<Made>(
        of templates: [KeyTemplates], _ make: (KeyTemplates) throws(HSMError) -> Made
    ) throws(HSMError) -> (KeyTemplates, Made) {
        for candidate in templates.dropLast() {
            do throws(HSMError) {
                return (candidate, try make(candidate))
            } catch {
                let isUnknown =
                    error.returnValue == .attributeTypeInvalid || error.returnValue == .attributeValueInvalid
                guard isUnknown else { throw error }
            }
        }
        guard let last = templates.last else { throw HSMError(.unsupportedMechanism) }
        return (last, try make(last))
    }

    /// Flags of this pair's private key.
    var privateFlags: [(type: AttributeType, value: Bool)] {
        KeyTemplates.privateFlags(use, isDestroyable: specification.isDestroyable, isKept: isKept)
    }

    private var common: [Attribute] {
        [
            .number(.keyType, specification.algorithm.keyType), .text(.label, specification.label), .data(.id, id),
        ]
    }

    var privateKey: [Attribute] {
        var template = [.number(.objectClass, CKO_PRIVATE_KEY)] + common
        if restrictsMechanisms { template.append(.numbers(.allowedMechanisms, [mechanism.type.rawValue])) }
        // CKA_MODIFIABLE comes last: SoftHSM freezes a key that it unwraps as soon as it has read that.
        template += privateFlags.filter { $0.type != .modifiable }.map { .flag($0.type, $0.value) }
        template += privateFlags.filter { $0.type == .modifiable }.map { .flag($0.type, $0.value) }
        return template.filter { !unstated.contains($0.type) }
    }

    var publicKey: [Attribute] {
        var template = [.number(.objectClass, CKO_PUBLIC_KEY)] + common
        for (type, value) in publicFlags where statesPublicUses || ![.verify, .encrypt].contains(type) {
            if !unstated.contains(type) { template.append(.flag(type, value)) }
        }
        if let curve = specification.algorithm.curveParameters {
            template.append(.data(.ecParameters, curve))
        } else {
            template.append(.number(.modulusBits, CK_ULONG(clamping: specification.modulusBits)))
            template.append(.data(.publicExponent, [1, 0, 1]))
        }
        return template
    }
}
