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

    /// CKA_ALLOWED_MECHANISMS where the token has it: one that does not know it says so, and is asked again without.
    private func makePair(
        id: [UInt8], in session: borrowing Session
    ) throws(HSMError) -> (KeyTemplates, (publicKey: CK_OBJECT_HANDLE, privateKey: CK_OBJECT_HANDLE)) {
        let mechanism = try profile.mechanism(for: specification.algorithm, allowed: [])
        let generation = Mechanism.plain(specification.algorithm.generationMechanism)
        func templates(_ restricts: Bool) -> KeyTemplates {
            KeyTemplates(
                specification: specification, id: id, mechanism: mechanism, use: specification.purpose.use,
                restrictsMechanisms: restricts,
                statesPublicUses: !profile.quirks.contains(.publicUsesUnstated))
        }
        do throws(HSMError) {
            let full = templates(true)
            let pair = try session.generateKeyPair(
                generation, publicTemplate: full.publicKey, privateTemplate: full.privateKey)
            return (full, pair)
        } catch {
            guard error.returnValue == .attributeTypeInvalid else { throw error }
            let plain = templates(false)
            let pair = try session.generateKeyPair(
                generation, publicTemplate: plain.publicKey, privateTemplate: plain.privateKey)
            return (plain, pair)
        }
    }
}
