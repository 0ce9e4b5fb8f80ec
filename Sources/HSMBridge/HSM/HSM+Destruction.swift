internal import CPKCS11
internal import Synchronization

/// What a token said after a key was destroyed.
package struct DestructionEvidence: Sendable, Equatable {
    /// Objects that were destroyed: the private key, and its public half where the token keeps one.
    package let destroyed: Int
    /// Objects that are still found by the CKA_ID; 0, or the destruction failed.
    package let remaining: Int
    /// What the token answered to the handle the private key had; nil when there was none.
    package let oldHandle: ReturnValue?
}

extension HSM {
    /// Destroys the key pair of a reference for good: the one object of each kind with this CKA_ID and this label.
    ///
    /// A key that may not be destroyed (`KeySpecification.isDestroyable`) is an error of the device, CKR_ACTION_PROHIBITED. The
    /// life of the appliance's own keys is a matter of ceremonies.
    @discardableResult
    package func destroy(_ reference: KeyReference) async throws(HSMError) -> DestructionEvidence {
        let limit = configuration.generationLimit
        let evidence = try await submit(
            within: limit, patience: limit, isExclusive: profile.serialisesKeyManagement, kind: .keyManagement
        ) { (lane) throws(HSMError) in
            try lane.restoreLogin()
            return try lane.login.openSession(readWrite: true).destroyPair(of: reference)
        }
        // One that is still there, because that failed, is still watched.
        keys.withLock { $0[reference.id] = nil }
        pool.forget(reference.id)
        return evidence
    }
}

extension Session {
    fileprivate func destroyPair(of reference: KeyReference) throws(HSMError) -> DestructionEvidence {
        var handles: [CK_OBJECT_HANDLE] = []
        for objectClass in [CKO_PRIVATE_KEY, CKO_PUBLIC_KEY] {
            let found = try find(
                [.number(.objectClass, objectClass), .data(.id, reference.id), .text(.label, reference.label)], limit: 2
            )
            guard found.count <= 1 else { throw HSMError(.keyNotUnique, context: reference.label) }
            handles += found
        }
        for object in handles { try destroy(object) }
        let remaining = try find([.data(.id, reference.id), .text(.label, reference.label)], limit: 8).count
        guard remaining == 0 else { throw HSMError(.keyRefused, context: "\(reference.label) is still there") }
        let answer = handles.first.map { lengthProbe(.label, $0).value }
        guard answer != .ok else { throw HSMError(.keyRefused, context: "\(reference.label): its handle still works") }
        return DestructionEvidence(destroyed: handles.count, remaining: remaining, oldHandle: answer)
    }
}
