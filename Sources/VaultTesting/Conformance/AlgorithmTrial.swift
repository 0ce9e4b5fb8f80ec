import HSMBridge

/// The checks of one algorithm, in the order of a key's life.
struct AlgorithmTrial {
    let suite: TokenConformance
    let algorithm: KeyAlgorithm
    let notes: ConformanceNotes
    private var made: GeneratedKey?

    private static let samples = 20

    init(suite: TokenConformance, algorithm: KeyAlgorithm, notes: ConformanceNotes) {
        self.suite = suite
        self.algorithm = algorithm
        self.notes = notes
    }

    private var label: String { "\(TokenConformance.prefix)\(suite.run)-\(algorithm.rawValue.lowercased())" }

    mutating func run() async {
        let name = algorithm.rawValue
        do throws(HSMError) {
            let hsm = try await suite.open()
            guard hsm.profile.supports(algorithm) else {
                _ = await hsm.shutdown()
                return notes.add(name, .skipped("the token does not offer it"))
            }
            await firstLogin(hsm)
            if await !hsm.shutdown() { notes.add("\(name): the token lets go", .failed("the library hangs")) }
        } catch {
            return notes.add(name, .failed("\(error)"))
        }
        guard let made else { return }
        await secondLogin(made)
        await destroy(made)
    }

    /// Making the key and using it in the login it was made in.
    private mutating func firstLogin(_ hsm: HSM) async {
        let name = algorithm.rawValue
        let specification = KeySpecification(label: label, algorithm: algorithm, purpose: .signing)
        var key: GeneratedKey?
        let isMade = await notes.check("\(name): a new key is as it was asked for, and refuses what it must") {
            () throws(ConformanceFailure) in
            let generated = try await ConformanceFailure.wrap { () async throws(HSMError) in
                try await hsm.generate(specification)
            }
            key = generated
            let refused = generated.refusals.keys.sorted().joined(separator: ", ")
            return "\(generated.attributes.count) attributes; refused: \(refused)"
        }
        made = key
        guard isMade, let key else { return }
        await notes.check("\(name): its label is taken from then on") { () throws(ConformanceFailure) in
            do throws(HSMError) {
                _ = try await hsm.generate(specification)
            } catch {
                guard error.code == .labelTaken else { throw ConformanceFailure("\(error)") }
                return nil
            }
            throw ConformanceFailure("a second key with the same label was made")
        }
        await sign(hsm, key, "signs, and the host agrees")
    }

    /// A new login finds the same key, unchanged, and it stands a load.
    private func secondLogin(_ made: GeneratedKey) async {
        let name = algorithm.rawValue
        do throws(HSMError) {
            let hsm = try await suite.open()
            await readAgain(hsm, made)
            await sign(hsm, made, "signs after a new login")
            await notes.check("\(name): \(suite.options.lanes) lanes stand a load") { () throws(ConformanceFailure) in
                let rate = try await ConformanceFailure.wrap { () async throws(HSMError) in
                    try await SignatureBenchmark(hsm: hsm, reference: made.reference).bridge(for: suite.options.load)
                }
                guard hsm.status.faults.isEmpty else {
                    throw ConformanceFailure(hsm.status.faults.joined(separator: "; "))
                }
                return "\(Int(rate.perSecond)) signatures/s, each verified"
            }
            if await !hsm.shutdown() { notes.add("\(name): the token lets go", .failed("the library hangs")) }
        } catch {
            notes.add("\(name): the token opens again", .failed("\(error)"))
        }
    }

    private func readAgain(_ hsm: HSM, _ made: GeneratedKey) async {
        await notes.check("\(algorithm.rawValue): its attributes are as they were") { () throws(ConformanceFailure) in
            let objects = try await ConformanceFailure.wrap { () async throws(HSMError) in try await hsm.inventory() }
            let found = objects.filter { $0.kind == .privateKey && $0.id == made.reference.id }
            guard found.count == 1, let object = found.first else {
                throw ConformanceFailure("\(found.count) private keys with its CKA_ID")
            }
            guard object.label == made.reference.label else { throw ConformanceFailure("its label is another") }
            let changed = made.attributes.filter { name, value in object.attributes[name].map { $0 != value } ?? false }
            guard changed.isEmpty else {
                throw ConformanceFailure("changed: \(changed.keys.sorted().joined(separator: ", "))")
            }
            return nil
        }
    }

    private func sign(_ hsm: HSM, _ made: GeneratedKey, _ what: String) async {
        await notes.check("\(algorithm.rawValue): \(what)") { () throws(ConformanceFailure) in
            let start = ContinuousClock.now
            try await ConformanceFailure.wrap { () async throws(HSMError) in
                let key = try await hsm.signingKey(made.reference)
                for sample in 0..<Self.samples {
                    _ = try await key.sign(Array("conformance \(sample)".utf8), deadline: .now + .seconds(30))
                }
            }
            let microseconds = Int64((ContinuousClock.now - start) / .microseconds(1)) / Int64(Self.samples)
            return "\(Self.samples) signatures, \(microseconds) µs each"
        }
    }

    /// Some tokens let go of a key only when their library is started anew.
    func destroy(_ made: GeneratedKey) async {
        await notes.check("\(algorithm.rawValue): the key is destroyed") { () throws(ConformanceFailure) in
            do throws(ConformanceFailure) {
                try await destroyOnce(made)
                return nil
            } catch {
                guard suite.options.mayRestartLibrary else { throw error }
                try await ConformanceFailure.wrap { () async throws(HSMError) in
                    try Module.load(path: suite.modulePath).shutdown()
                }
                try await destroyOnce(made)
                return "after the library was started anew (\(error))"
            }
        }
    }

    private func destroyOnce(_ made: GeneratedKey) async throws(ConformanceFailure) {
        let hsm = try await ConformanceFailure.wrap { () async throws(HSMError) in try await suite.open() }
        let left = try await suite.closing(hsm) { () async throws(HSMError) in
            try await hsm.destroy(made.reference)
            return try await hsm.inventory().count { $0.id == made.reference.id }
        }
        guard left == 0 else { throw ConformanceFailure("\(left) objects with its CKA_ID are still there") }
    }
}
