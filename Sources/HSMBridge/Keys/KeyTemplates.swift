internal import CPKCS11

/// The full explicit templates of a new key pair: silence would mean the token's defaults (docs/hsm.md, "Keys").
struct KeyTemplates {
    let specification: KeySpecification
    let id: [UInt8]
    let mechanism: Mechanism
    /// Whether the token takes CKA_ALLOWED_MECHANISMS.
    let restrictsMechanisms: Bool
    /// Whether the public key's template states its uses.
    var statesPublicUses = true
    /// Whether the pair outlives its session.
    var isKept = true

    /// Flags of the private key, and what a token that keeps its word reports of them.
    static let privateFlags: [(type: AttributeType, value: Bool)] = [
        (.token, true), (.isPrivate, true), (.sensitive, true), (.extractable, false), (.sign, true),
        (.signRecover, false), (.decrypt, false), (.unwrap, false), (.derive, false), (.modifiable, false),
        (.copyable, false), (.destroyable, true), (.alwaysAuthenticate, false),
    ]

    private static let publicFlags: [(type: AttributeType, value: Bool)] = [
        (.token, true), (.isPrivate, false), (.verify, true), (.verifyRecover, false), (.encrypt, false),
        (.wrap, false), (.derive, false), (.modifiable, false), (.copyable, false), (.destroyable, true),
    ]

    private var common: [Attribute] {
        [
            .number(.keyType, specification.algorithm.keyType), .text(.label, specification.label), .data(.id, id),
        ]
    }

    var privateKey: [Attribute] {
        var template = [.number(.objectClass, CKO_PRIVATE_KEY)] + common
        template += KeyTemplates.privateFlags.map { .flag($0.type, $0.type == .token ? isKept : $0.value) }
        if restrictsMechanisms { template.append(.numbers(.allowedMechanisms, [mechanism.type.rawValue])) }
        return template
    }

    var publicKey: [Attribute] {
        var template = [.number(.objectClass, CKO_PUBLIC_KEY)] + common
        for (type, value) in KeyTemplates.publicFlags where statesPublicUses || ![.verify, .encrypt].contains(type) {
            template.append(.flag(type, type == .token ? isKept : value))
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
