extension HSM {
    /// Makes a key pair that cannot leave the token, reads back what the token made of it, and tries what it must refuse.
    ///
    /// The label must be free; CKA_ID is 16 random bytes of the token. A key that fails any check is destroyed, unless it
    /// was asked to be indestructible, and the error says which. On tokens whose profile says so no other lane works meanwhile.
    /// After `deadlineExceeded` or `laneHung` the token may hold a key that was not examined: look at the `inventory`.
    package func generate(_ specification: KeySpecification) async throws(HSMError) -> GeneratedKey {
        try specification.validate()
        guard profile.supports(specification.algorithm) else {
            throw HSMError(.unsupportedMechanism, context: specification.algorithm.rawValue)
        }
        let limit = configuration.generationLimit
        return try await submit(
            within: limit, patience: limit, isExclusive: profile.serialisesKeyManagement, kind: .keyManagement
        ) { (lane) throws(HSMError) in
            try lane.restoreLogin()
            let session = try lane.login.openSession(readWrite: true)
            return try KeyPairGeneration(specification: specification, profile: lane.login.profile).run(in: session)
        }
    }
}
