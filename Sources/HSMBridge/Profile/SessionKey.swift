internal import CPKCS11

/// A key pair that ends with its session: what can be tried with it leaves nothing on the token.
struct SessionKey {
    let publicObject: CK_OBJECT_HANDLE
    let privateObject: CK_OBJECT_HANDLE

    /// What it is called, should a token show it to others.
    static let label = "vault-probe"

    /// Made with the templates that real keys have, unless `changing` says otherwise of the private key.
    init(
        _ algorithm: KeyAlgorithm, mechanism: Mechanism, profile: TokenProfile, restricts: Bool = false,
        changing: [AttributeType: Bool] = [:], in session: borrowing Session
    ) throws(HSMError) {
        var templates = KeyTemplates(
            specification: KeySpecification(label: SessionKey.label, algorithm: algorithm, purpose: .signing),
            id: Array(SessionKey.label.utf8.prefix(profile.keyIDLength)), mechanism: mechanism, use: .sign,
            restrictsMechanisms: restricts, statesPublicUses: !profile.quirks.contains(.publicUsesUnstated))
        templates.isKept = false
        let privateKey = templates.privateKey.map { attribute in
            changing[attribute.type].map { .flag(attribute.type, $0) } ?? attribute
        }
        let pair = try session.generateKeyPair(
            .plain(algorithm.generationMechanism), publicTemplate: templates.publicKey, privateTemplate: privateKey)
        publicObject = pair.publicKey
        privateObject = pair.privateKey
    }
}

extension Session {
    /// Signs what is never released and verifies it on the host; returns how long the token took.
    func canary(
        _ object: CK_OBJECT_HANDLE, _ mechanism: Mechanism, _ verifier: SignatureVerifier, _ algorithm: KeyAlgorithm
    ) throws(HSMError) -> Duration {
        let prepared = SigningInput(Lane.canary, algorithm: algorithm)
        var input: [UInt8] = []
        prepared.write(to: &input, message: Lane.canary, mechanism: mechanism)
        var room = [UInt8](repeating: 0, count: 1024)
        let start = ContinuousClock.now
        let count = try sign(input, with: mechanism, key: object, into: &room)
        let duration = ContinuousClock.now - start
        guard verifier.accepts(Array(room[..<count]), for: prepared) else { throw HSMError(.wrongSignature) }
        return duration
    }
}
