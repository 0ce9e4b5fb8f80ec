internal import CPKCS11

extension HSM {
    /// Looks at a key again: it is there once, its public key is the expected one, it works, and every attribute is as its
    /// template wants it; returns the attributes as the token reports them now.
    ///
    /// Nothing is tried that would change the key where a token wrongly allowed it.
    package func examine(
        _ reference: KeyReference, purpose: KeyPurpose, isImported: Bool, restrictsMechanisms: Bool
    ) async throws(HSMError) -> [String: Bool] {
        let profile = profile
        return try await perform { (session) throws(HSMError) in
            let handle = try session.locate(reference, profile: profile, generation: 0)
            switch try KeyProof(reference) {
            case .roundTrip(let encryption):
                try session.proveRoundTrip(encryption, handle, label: reference.label)
            case .signatures(let verifier):
                _ = try session.canary(handle.object, handle.mechanism, verifier, reference.algorithm)
            }
            session.pulse?()
            let templates = KeyTemplates(
                specification: KeySpecification(
                    label: reference.label, algorithm: reference.algorithm, purpose: purpose),
                id: reference.id, mechanism: handle.mechanism, use: purpose.use,
                restrictsMechanisms: restrictsMechanisms)
            return try KeyExamination(
                object: handle.object, templates: templates, profile: profile, isLocal: !isImported
            ).readBack(in: session)
        }
    }
}
