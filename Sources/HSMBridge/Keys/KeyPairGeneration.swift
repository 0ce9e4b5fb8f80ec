internal import CPKCS11

/// One making of a key pair, from free label to examined key.
struct KeyPairGeneration {
    let specification: KeySpecification
    let profile: TokenProfile

    func run(in session: borrowing Session) throws(HSMError) -> GeneratedKey {
        guard try session.find([.text(.label, specification.label)], limit: 1).isEmpty else {
            throw HSMError(.labelTaken, context: specification.label)
        }
        let id = try session.random(count: profile.keyIDLength)
        guard try session.find([.data(.id, id)], limit: 1).isEmpty else {
            throw HSMError(.keyNotUnique, context: "the token's random numbers repeat")
        }
        let (templates, pair) = try makePair(id: id, in: session)
        do throws(HSMError) {
            let publicKey = try session.publicKey(of: pair.publicKey, algorithm: specification.algorithm)
            return try KeyAdmission(templates: templates, profile: profile, isLocal: true)
                .admit(publicKey, in: session)
        } catch {
            // Not fit for use: it must not lie on the token as if it were.
            try? session.destroy(pair.privateKey)
            try? session.destroy(pair.publicKey)
            throw error
        }
    }

    private func makePair(
        id: [UInt8], in session: borrowing Session
    ) throws(HSMError) -> (KeyTemplates, (publicKey: CK_OBJECT_HANDLE, privateKey: CK_OBJECT_HANDLE)) {
        let mechanism = try profile.mechanism(for: specification.algorithm, allowed: [])
        let candidates = KeyTemplates.fullestFirst(specification, id: id, mechanism: mechanism, profile: profile)
        return try KeyTemplates.firstTaken(of: candidates) { (templates) throws(HSMError) in
            try session.generateKeyPair(
                .plain(specification.algorithm.generationMechanism), publicTemplate: templates.publicKey,
                privateTemplate: templates.privateKey)
        }
    }
}
