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
            return try examine(pair, templates, in: session)
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

    private func examine(
        _ pair: (publicKey: CK_OBJECT_HANDLE, privateKey: CK_OBJECT_HANDLE), _ templates: KeyTemplates,
        in session: borrowing Session
    ) throws(HSMError) -> GeneratedKey {
        let publicKey = try session.publicKey(of: pair.publicKey, algorithm: specification.algorithm)
        let reference = KeyReference(
            id: templates.id, label: specification.label, algorithm: specification.algorithm, publicKey: publicKey)
        let handle = try session.locate(reference, profile: profile, generation: 0)
        try proveKey(handle, reference, in: session)
        let examination = KeyExamination(object: handle.object, templates: templates, profile: profile)
        let attributes = try examination.readBack(in: session)
        let refusals = try examination.probe(in: session)
        // The probes must have changed nothing.
        guard try examination.readBack(in: session) == attributes else { throw HSMError(.keyRefused) }
        return GeneratedKey(
            reference: reference, purpose: specification.purpose, attributes: attributes, refusals: refusals)
    }

    /// The private key belongs to the public one: a canary signature verifies on the host, or what the host encrypts comes
    /// back.
    private func proveKey(
        _ handle: BoundKey.Handle, _ reference: KeyReference, in session: borrowing Session
    ) throws(HSMError) {
        if let hash = reference.algorithm.oaepHash {
            let encryption = try OAEPEncryption(reference.publicKey, hash: hash)
            return try session.proveRoundTrip(encryption, handle, label: reference.label)
        }
        let verifier = try SignatureVerifier(reference.publicKey, algorithm: reference.algorithm)
        _ = try session.canary(handle.object, handle.mechanism, verifier, reference.algorithm)
    }
}
