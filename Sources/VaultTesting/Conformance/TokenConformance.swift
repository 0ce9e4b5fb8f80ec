package import HSMBridge

/// Asks of a real token everything the appliance relies on, with keys of its own, and removes them afterwards.
///
/// For whoever has an HSM (docs/hsm.md, "The conformance suite"), and in our own tests against SoftHSM and a TPM. Every
/// key it makes is called `vault-conformance-RUN-…`; it destroys the keys it made, found by label and CKA_ID, and nothing
/// else. It never tries a wrong PIN, and it never stops at the first failure.
package struct TokenConformance: Sendable {
    /// Beginning of every label.
    package static let prefix = "vault-conformance-"

    /// How it is run.
    package struct Options: Sendable {
        /// Lanes of the load.
        package var lanes = 2
        /// How long each algorithm is under load.
        package var load = Duration.seconds(2)
        /// Whether the library may be finalised and started again, which some tokens need before keys can be destroyed.
        ///
        /// Only where nothing else in the process uses the library.
        package var mayRestartLibrary = true

        /// The defaults above.
        package init() {}
    }

    let modulePath: String
    let token: TokenURI
    let pin: PIN
    let run: String
    let options: Options

    /// A suite for the token that the URI names; `run` tells its keys from those of other runs.
    package init(modulePath: String, token: TokenURI, pin: PIN, run: String, options: Options = Options()) {
        self.modulePath = modulePath
        self.token = token
        self.pin = pin
        self.run = run
        self.options = options
    }

    /// Runs every check in order; `progress` hears each as it is done.
    package func checks(progress: @escaping @Sendable (ConformanceCheck) -> Void = { _ in }) async -> [ConformanceCheck]
    {
        let notes = ConformanceNotes(progress)
        guard let before = await inventory(notes) else { return notes.checks }
        for algorithm in KeyAlgorithm.signatures {
            var trial = AlgorithmTrial(suite: self, algorithm: algorithm, notes: notes)
            await trial.run()
        }
        await KeyEncryptionTrial(suite: self, notes: notes).run()
        await examine(notes)
        await compare(before, notes)
        return notes.checks
    }

    func open() async throws(HSMError) -> HSM {
        var configuration = HSM.Configuration()
        configuration.lanes = options.lanes
        return try await HSM.open(modulePath: modulePath, token: token, pin: pin, configuration: configuration)
    }

    /// Opens the token and looks at what is there: without that nothing else can be asked.
    private func inventory(_ notes: ConformanceNotes) async -> [TokenObject]? {
        var found: [TokenObject]?
        await notes.check("the token opens, and shows what is on it") { () throws(ConformanceFailure) in
            let hsm = try await ConformanceFailure.wrap { () async throws(HSMError) in try await open() }
            let objects = try await closing(hsm) { () async throws(HSMError) in try await hsm.inventory() }
            found = objects
            return "\(hsm.profile.info.label), \(hsm.profile.vendor.rawValue), \(objects.count) objects"
        }
        return found
    }

    private func examine(_ notes: ConformanceNotes) async {
        await notes.check("doctor finds nothing wrong") { () throws(ConformanceFailure) in
            let report = await TokenExamination(modulePath: modulePath, token: token, expected: nil).run(pin: pin)
            let faults = report.findings.filter { $0.severity == .fault }
            guard faults.isEmpty else { throw ConformanceFailure(faults.map(\.text).joined(separator: "; ")) }
            let quirks = report.profile.map { $0.quirks.map(\.rawValue).sorted().joined(separator: ", ") } ?? ""
            return quirks.isEmpty ? "no quirks" : "quirks: \(quirks)"
        }
    }

    /// What was there is there still, and nothing else.
    private func compare(_ before: [TokenObject], _ notes: ConformanceNotes) async {
        await notes.check("the token holds what it held before, and nothing of this run") {
            () throws(ConformanceFailure) in
            let hsm = try await ConformanceFailure.wrap { () async throws(HSMError) in try await open() }
            let after = try await closing(hsm) { () async throws(HSMError) in try await hsm.inventory() }
            let left = after.filter { $0.label.hasPrefix(TokenConformance.prefix + run) }
            guard left.isEmpty else {
                let labels = Set(left.map(\.label)).sorted().joined(separator: ", ")
                throw ConformanceFailure("left behind: \(labels); remove them with the vendor's tool")
            }
            func ids(_ objects: [TokenObject]) -> Set<String> { Set(objects.map { "\($0.kind) \($0.label) \($0.id)" }) }
            guard ids(before) == ids(after) else { throw ConformanceFailure("other objects came or went meanwhile") }
            return nil
        }
    }

    /// Does something with an open token and closes it, whatever comes of it.
    func closing<Answer: Sendable>(
        _ hsm: HSM, _ body: () async throws(HSMError) -> Answer
    ) async throws(ConformanceFailure) -> Answer {
        let answer: Answer
        do throws(HSMError) {
            answer = try await body()
        } catch {
            _ = await hsm.shutdown()
            throw ConformanceFailure("\(error)")
        }
        guard await hsm.shutdown() else { throw ConformanceFailure("the library hangs: it did not let go") }
        return answer
    }
}
