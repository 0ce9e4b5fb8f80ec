import HSMBridge

/// The checks of a key encryption key, which opens the data keys of sealed secrets.
struct KeyEncryptionTrial {
    let suite: TokenConformance
    let notes: ConformanceNotes

    private var label: String { "\(TokenConformance.prefix)\(suite.run)-kek" }

    func run() async {
        do throws(HSMError) {
            let hsm = try await suite.open()
            guard let algorithm = hsm.profile.keyEncryptionAlgorithm else {
                _ = await hsm.shutdown()
                return notes.add(
                    "key encryption", .skipped("the token does not offer RSA-OAEP: no secret can be sealed to it"))
            }
            let made = await firstLogin(hsm, algorithm)
            if await !hsm.shutdown() { notes.add("key encryption: the token lets go", .failed("the library hangs")) }
            guard let made else { return }
            await opens(made)
            await AlgorithmTrial(suite: suite, algorithm: algorithm, notes: notes).destroy(made)
        } catch {
            notes.add("key encryption", .failed("\(error)"))
        }
    }

    private func firstLogin(_ hsm: HSM, _ algorithm: KeyAlgorithm) async -> GeneratedKey? {
        var made: GeneratedKey?
        await notes.check("\(algorithm.rawValue): a new key is as it was asked for, and refuses what it must") {
            () throws(ConformanceFailure) in
            let generated = try await ConformanceFailure.wrap { () async throws(HSMError) in
                try await hsm.generate(KeySpecification(label: label, algorithm: algorithm, purpose: .kek))
            }
            made = generated
            return "\(generated.attributes.count) attributes"
        }
        return made
    }

    /// After a new login: binding the key is a round trip by itself, and one more is asked for.
    private func opens(_ made: GeneratedKey) async {
        await notes.check("\(made.reference.algorithm.rawValue): opens what the host encrypts, after a new login") {
            () throws(ConformanceFailure) in
            let hsm = try await ConformanceFailure.wrap { () async throws(HSMError) in try await suite.open() }
            try await suite.closing(hsm) { () async throws(HSMError) in
                let key = try await hsm.keyEncryptionKey(made.reference)
                try await hsm.canary(key, deadline: .now + .seconds(30))
            }
            return nil
        }
    }
}
