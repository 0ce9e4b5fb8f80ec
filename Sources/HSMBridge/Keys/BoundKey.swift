internal import CPKCS11
internal import Synchronization

/// A key of a token, found once: handle, purpose, and the public key that proves what it does.
final class BoundKey: Sendable {
    /// Where the private key is now.
    struct Handle: Sendable, Equatable {
        let object: CK_OBJECT_HANDLE
        let mechanism: Mechanism
        let generation: Int
    }

    let reference: KeyReference
    let purpose: KeyPurpose
    let proof: KeyProof
    var form: SignatureForm { purpose.signatureForm }
    private let current: Mutex<Handle>
    private let refreshing = Mutex(())
    private let madeWrongSignature: Atomic<Bool>
    private let quarantined: KeyQuarantine
    private let serial: String
    private let wasNotFound = Atomic(false)

    init(
        _ reference: KeyReference, purpose: KeyPurpose, in session: borrowing Session, profile: TokenProfile,
        quarantine: KeyQuarantine
    ) throws(HSMError) {
        self.reference = reference
        self.purpose = purpose
        serial = profile.info.serial
        quarantined = quarantine
        madeWrongSignature = Atomic(quarantine.contains(reference.id, serial: profile.info.serial))
        proof = try KeyProof(reference)
        current = Mutex(try session.locate(reference, profile: profile, generation: 0))
    }

    var handle: Handle { current.withLock { $0 } }

    /// Whether the key made a wrong signature: it makes no more.
    var isQuarantined: Bool { madeWrongSignature.load(ordering: .acquiring) }

    /// Whether it was not on the token when it was last looked for.
    var isMissing: Bool {
        get { wasNotFound.load(ordering: .acquiring) }
        set { wasNotFound.store(newValue, ordering: .releasing) }
    }

    /// Whether it is a signing key that can be expected to sign.
    var canSignCanaries: Bool {
        guard case .signatures = proof else { return false }
        return !isQuarantined && !isMissing
    }

    /// Refuses a handle that was forgotten: no token is asked with a number that may be anything's.
    func refuseForgotten(_ seen: Handle) throws(HSMError) {
        guard seen.object != CK_OBJECT_HANDLE(CK_INVALID_HANDLE) else {
            throw HSMError(.signInit, .keyHandleInvalid)
        }
    }

    /// The handle is not to be used again: the next signature looks the key up.
    func forgetHandle() {
        current.withLock { handle in
            handle = Handle(
                object: CK_OBJECT_HANDLE(CK_INVALID_HANDLE), mechanism: handle.mechanism,
                generation: handle.generation + 1)
        }
    }

    /// Looks the key up again after its handle died, unless another lane has done so since `seen`.
    func refresh(after seen: Handle, in session: borrowing Session, profile: TokenProfile) throws(HSMError) {
        try refreshing.withLock { (_) throws(HSMError) in
            guard handle.generation == seen.generation else { return }
            let found = try session.locate(reference, profile: profile, generation: seen.generation + 1)
            current.withLock { handle in
                // Forgotten meanwhile: the token may use the number for another object by now.
                guard handle.generation == seen.generation else { return }
                handle = found
            }
            isMissing = false
        }
    }

    func refuseQuarantined() throws(HSMError) {
        if isQuarantined { throw HSMError(.quarantined, context: reference.label) }
    }

    /// Takes the key out of use for good; returns what the caller of the wrong signature is told.
    func quarantine() -> HSMError {
        quarantined.insert(reference.id, serial: serial)
        madeWrongSignature.store(true, ordering: .releasing)
        return HSMError(.wrongSignature, context: reference.label)
    }
}

extension Session {
    /// Finds the one private key of a reference, and demands that its public key and attributes are what they must be.
    func locate(
        _ reference: KeyReference, profile: TokenProfile, generation: Int
    ) throws(HSMError) -> BoundKey.Handle {
        let object = try findOne(CKO_PRIVATE_KEY, reference)
        let publicObject = try findOne(CKO_PUBLIC_KEY, reference)
        guard try publicKey(of: publicObject, algorithm: reference.algorithm) == reference.publicKey else {
            throw HSMError(.keyMismatch, context: "\(reference.label): another public key")
        }
        guard try attribute(.label, of: object) == Array(reference.label.utf8) else {
            throw HSMError(.keyMismatch, context: "\(reference.label): another label")
        }
        guard try flag(.sensitive, of: object) == true, try flag(.extractable, of: object) == false else {
            throw HSMError(.keyRefused, context: "\(reference.label) could leave the token")
        }
        let allowed = Set(try numbers(.allowedMechanisms, of: object).map { MechanismType(rawValue: $0) })
        let mechanism = try profile.mechanism(for: reference.algorithm, allowed: allowed)
        return BoundKey.Handle(object: object, mechanism: mechanism, generation: generation)
    }

    /// Asks for two and demands one: tokens do not keep CKA_ID unique.
    private func findOne(_ objectClass: CK_OBJECT_CLASS, _ reference: KeyReference) throws(HSMError) -> CK_OBJECT_HANDLE
    {
        let found = try find(
            [
                .number(.objectClass, objectClass), .number(.keyType, reference.algorithm.keyType),
                .data(.id, reference.id),
            ], limit: 2)
        guard let first = found.first else { throw HSMError(.keyNotFound, context: reference.label) }
        guard found.count == 1 else { throw HSMError(.keyNotUnique, context: reference.label) }
        return first
    }
}
