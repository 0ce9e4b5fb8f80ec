internal import CPKCS11

/// One coming of a private key from outside, from free label to examined key; what fails leaves nothing behind.
struct KeyArrival {
    let specification: KeySpecification
    /// The public key that the private one must belong to.
    let expected: PublicKey
    let profile: TokenProfile

    /// `make` puts the private key on the token, by the template it gets.
    func run(
        in session: borrowing Session,
        make: (borrowing Session, [Attribute]) throws(HSMError) -> CK_OBJECT_HANDLE
    ) throws(HSMError) -> GeneratedKey {
        guard specification.algorithm.oaepHash == nil else {
            throw HSMError(.importRefused, context: "key encryption keys are born in their token")
        }
        try specification.validate()
        try expected.validate(for: specification.algorithm)
        guard try session.find([.text(.label, specification.label)], limit: 1).isEmpty else {
            throw HSMError(.labelTaken, context: specification.label)
        }
        let id = try session.random(count: profile.keyIDLength)
        guard try session.find([.data(.id, id)], limit: 1).isEmpty else {
            throw HSMError(.keyNotUnique, context: "the token's random numbers repeat")
        }
        do throws(HSMError) {
            let templates = try makePair(id: id, in: session, make)
            return try KeyAdmission(templates: templates, profile: profile, isLocal: false)
                .admit(expected, in: session)
        } catch {
            // C_UnwrapKey is not atomic everywhere: whatever bears the new CKA_ID goes.
            for object in (try? session.find([.data(.id, id)], limit: 8)) ?? [] { try? session.destroy(object) }
            throw error
        }
    }

    private func makePair(
        id: [UInt8], in session: borrowing Session,
        _ make: (borrowing Session, [Attribute]) throws(HSMError) -> CK_OBJECT_HANDLE
    ) throws(HSMError) -> KeyTemplates {
        let mechanism = try profile.mechanism(for: specification.algorithm, allowed: [])
        let candidates = KeyTemplates.fullestFirst(specification, id: id, mechanism: mechanism, profile: profile)
        let (used, _) = try KeyTemplates.firstTaken(of: candidates) { (templates) throws(HSMError) in
            try make(session, templates.privateKey)
        }
        _ = try session.createObject(ImportTemplates.publicKey(expected, used, profile: profile))
        return used
    }
}
