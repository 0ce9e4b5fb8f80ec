internal import CPKCS11

/// The examination of a new key pair on the token: found as it will be found later, proven, read back, probed.
struct KeyAdmission {
    let templates: KeyTemplates
    let profile: TokenProfile
    /// Whether it was born in the token.
    let isLocal: Bool

    /// Throws unless the pair is exactly what was asked for, and belongs to the public key.
    func admit(_ publicKey: PublicKey, in session: borrowing Session) throws(HSMError) -> GeneratedKey {
        let specification = templates.specification
        let reference = KeyReference(
            id: templates.id, label: specification.label, algorithm: specification.algorithm, publicKey: publicKey)
        let handle = try session.locate(reference, profile: profile, generation: 0)
        try prove(handle, reference, in: session)
        let examination = KeyExamination(
            object: handle.object, templates: templates, profile: profile, isLocal: isLocal)
        let attributes = try examination.readBack(in: session)
        let refusals = try examination.probe(in: session)
        // The probes must have changed nothing.
        guard try examination.readBack(in: session) == attributes else { throw HSMError(.keyRefused) }
        return GeneratedKey(
            reference: reference, purpose: specification.purpose, isImported: !isLocal, attributes: attributes,
            refusals: refusals)
    }

    /// The private key belongs to the public one: a canary signature verifies on the host, or what the host encrypts comes
    /// back.
    private func prove(
        _ handle: BoundKey.Handle, _ reference: KeyReference, in session: borrowing Session
    ) throws(HSMError) {
        switch try KeyProof(reference) {
        case .roundTrip(let encryption):
            try session.proveRoundTrip(encryption, handle, label: reference.label)
        case .signatures(let verifier):
            _ = try session.canary(handle.object, handle.mechanism, verifier, reference.algorithm)
        }
    }
}
