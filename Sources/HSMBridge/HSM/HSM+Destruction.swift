internal import CPKCS11
internal import Synchronization

extension HSM {
    /// Destroys the key pair of a reference for good: the one object of each kind with this CKA_ID and this label.
    ///
    /// For what made the key itself, as a test does; the life of the appliance's own keys is a matter of ceremonies.
    package func destroy(_ reference: KeyReference) async throws(HSMError) {
        keys.withLock { $0[reference.id] = nil }
        let limit = configuration.generationLimit
        try await submit(within: limit, patience: limit, isExclusive: profile.serialisesKeyManagement) {
            (lane) throws(HSMError) in
            try lane.login.restore()
            let session = try lane.login.openSession(readWrite: true)
            for objectClass in [CKO_PRIVATE_KEY, CKO_PUBLIC_KEY] {
                let found = try session.find(
                    [
                        .number(.objectClass, objectClass), .data(.id, reference.id), .text(.label, reference.label),
                    ], limit: 2)
                guard found.count <= 1 else { throw HSMError(.keyNotUnique, context: reference.label) }
                if let object = found.first { try session.destroy(object) }
            }
        }
    }
}
