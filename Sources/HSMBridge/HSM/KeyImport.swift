internal import CPKCS11
internal import Synchronization

/// One import by transport key: an RSA pair in the token that unwraps and does nothing else, for as long as this object is
/// kept.
///
/// The pair is a session object of a session of its own. It ends with `close`, with the login, and with the process; what
/// was wrapped to it is then worthless.
package final class KeyImport: Sendable {
    /// What the custodian's workstation wraps to.
    package let publicKey: PublicKey
    /// `RSA-OAEP` or `RSA-OAEP-256`.
    package let algorithm: KeyAlgorithm
    /// What the token said of the private half: flags, and negative probes as `refuses.NAME`.
    package let evidence: [String: Bool]

    private struct State: ~Copyable {
        var session: Session?
        let transport: CK_OBJECT_HANDLE
    }

    private let hsm: HSM
    private let state: Mutex<State>

    /// Makes the pair; blocks, so a lane calls it.
    fileprivate init(_ hsm: HSM, _ session: consuming Session, _ algorithm: KeyAlgorithm, label: String)
        throws(HSMError)
    {
        let profile = hsm.profile
        var templates = KeyTemplates(
            specification: KeySpecification(label: label, algorithm: algorithm, purpose: .kek),
            id: try session.random(count: profile.keyIDLength),
            mechanism: try profile.mechanism(for: algorithm, allowed: []), use: .unwrap, restrictsMechanisms: true,
            statesPublicUses: !profile.quirks.contains(.publicUsesUnstated))
        templates.isKept = false
        let pair = try session.generateKeyPair(
            .plain(.rsaKeyPairGeneration), publicTemplate: templates.publicKey, privateTemplate: templates.privateKey)
        publicKey = try session.publicKey(of: pair.publicKey, algorithm: algorithm)
        self.algorithm = algorithm
        let examination = KeyExamination(object: pair.privateKey, templates: templates, profile: profile)
        var evidence = try examination.readBack(in: session)
        for name in try examination.probe(in: session).keys { evidence["refuses.\(name)"] = true }
        self.evidence = evidence
        self.hsm = hsm
        state = Mutex(State(session: session, transport: pair.privateKey))
    }

    /// Unwraps the AES key, and with it the private key, into the token under the strict template.
    ///
    /// Then the key proves that it belongs to `expected`, everything is read back, and what it must refuse is tried. A key
    /// that fails any of it is destroyed.
    package func finish(
        wrappedKey: [UInt8], wrapped: [UInt8], specification: KeySpecification, expected: PublicKey
    ) async throws(HSMError) -> GeneratedKey {
        guard let mechanism = hsm.profile.keyWrapMechanism else {
            throw HSMError(.importRefused, context: "the token unwraps no keys")
        }
        let limit = hsm.configuration.generationLimit
        return try await hsm.submit(
            within: limit, patience: limit, isExclusive: hsm.profile.serialisesKeyManagement, kind: .keyManagement
        ) { (lane) throws(HSMError) in
            try lane.restoreLogin()
            return try self.withSession { (session, transport) throws(HSMError) in
                let secret = try KeyImport.refusing { () throws(HSMError) in
                    try session.unwrapKey(
                        .oaep(self.algorithm.oaepHash ?? .sha256), with: transport, wrappedKey,
                        template: ImportTemplates.wrappingKey)
                }
                defer { try? session.destroy(secret) }
                let arrival = KeyArrival(
                    specification: specification, expected: expected, profile: self.hsm.profile)
                return try arrival.run(in: session) { (session, template) throws(HSMError) in
                    try KeyImport.refusing { () throws(HSMError) in
                        try session.unwrapKey(mechanism, with: secret, wrapped, template: template)
                    }
                }
            }
        }
    }

    /// Ends the transport key.
    package func close() async {
        let limit = hsm.configuration.hangLimit
        _ = try? await hsm.submit(within: limit, patience: limit, isExclusive: false) { (_) throws(HSMError) in
            self.state.withLock { $0.session = nil }
        }
    }

    private func withSession<Answer: Sendable>(
        _ body: (borrowing Session, CK_OBJECT_HANDLE) throws(HSMError) -> Answer
    ) throws(HSMError) -> Answer {
        try state.withLock { (state) throws(HSMError) in
            // Of a library that was started anew since: the number may be another session's by now.
            if state.session?.isStale ?? false { state.session = nil }
            switch state.session {
            case .some(let session): return try body(session, state.transport)
            case .none: throw HSMError(.keyNotFound, context: "the transport key has ended: begin the import again")
            }
        }
    }

    /// What the token cannot unwrap was wrapped for another key, or was changed on the way.
    private static func refusing<Answer>(_ body: () throws(HSMError) -> Answer) throws(HSMError) -> Answer {
        do throws(HSMError) {
            return try body()
        } catch {
            switch error.failureClass {
            case .handle: throw HSMError(.keyNotFound, context: "the transport key has ended: begin the import again")
            // Asked again without the attribute.
            case .operation where error.returnValue == .attributeTypeInvalid: throw error
            case .operation, .ambiguous:
                throw HSMError(
                    .importRefused, function: error.function, returnValue: error.returnValue,
                    context: "it was wrapped for another transport key, or was changed on the way")
            default: throw error
            }
        }
    }
}

extension HSM {
    /// Begins an import: a transport key, which the token ends when the import is closed or this process ends.
    package func beginImport(label: String) async throws(HSMError) -> KeyImport {
        guard let algorithm = profile.keyEncryptionAlgorithm, profile.keyWrapMechanism != nil,
            !profile.quirks.contains(.noSessionKeys)
        else { throw HSMError(.importRefused, context: "the token unwraps no keys") }
        let limit = configuration.generationLimit
        return try await submit(
            within: limit, patience: limit, isExclusive: profile.serialisesKeyManagement, kind: .keyManagement
        ) { (lane) throws(HSMError) in
            try lane.restoreLogin()
            let session = try lane.login.openSession(readWrite: true)
            return try KeyImport(self, session, algorithm, label: label)
        }
    }
}
