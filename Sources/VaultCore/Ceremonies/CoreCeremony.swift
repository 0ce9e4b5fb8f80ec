import Custody
import HSMBridge
import StrictEncoding

/// A ceremony inside the running core, as its steps see it.
struct CoreCeremony: Sendable {
    let core: VaultCore
    let ceremony: Ceremony
    /// The manifest that was in force when it was planned, as it was signed.
    let base: Manifest
    let memory: CeremonyMemory
    let equipment: CeremonyRoom.Equipment

    var directory: CeremonyDirectory { ceremony.directory }
    var plan: CeremonyPlan { ceremony.plan }
    var now: UnixTime { core.clock() }

    /// Opens a ceremony of the appliance; the manifest it was planned under must be one of the chain.
    init(_ id: String, in core: VaultCore) throws {
        let directory = try CeremonyDirectory(root: try core.quorum().directory.ceremonies, id: id)
        try self.init(try directory.loadPlan(), in: core)
    }

    /// The ceremony of a plan, whose directory may not be there yet.
    init(_ plan: CeremonyPlan, in core: VaultCore) throws {
        let directory = try CeremonyDirectory(root: try core.quorum().directory.ceremonies, id: plan.id)
        guard let base = core.inForce.current.chain?.manifests.first(where: { $0.hash == plan.manifest?.hash }) else {
            throw CustodyError(
                .stale,
                plan.kind.isInCore
                    ? "the plan is for manifest \(plan.manifest?.version ?? 0), which is none of this appliance's"
                    : "a genesis is held before there is a core: it cannot go on here")
        }
        self.core = core
        self.base = base
        ceremony = try Ceremony(directory, plan: plan, manifest: base)
        memory = core.ceremonies.memory(of: plan.id, until: plan.expires)
        equipment = core.ceremonies.equipment
    }

    /// Executes the steps, each transcript line with its leaf in the audit log.
    func runner() throws -> CeremonyRunner { runner(of: try steps()) }

    /// Tells what was left untold of a ceremony that has ended, whatever its steps were.
    func settle() async throws { try await runner(of: []).settle() }

    private func runner(of steps: [CeremonyStep]) -> CeremonyRunner {
        let (core, plan) = (core, plan)
        let record: @Sendable (TranscriptLine) async throws -> Void = { line in
            for entry in line.entries(of: plan) { try await core.record(entry) }
        }
        return CeremonyRunner(
            ceremony, steps: steps,
            surroundings: .init(
                clock: core.clock, build: { try Executable.hash() }, record: record, pass: equipment.pass))
    }

    private func steps() throws -> [CeremonyStep] {
        switch plan.parameters {
        case .genesis: throw CustodyError(.unsupported, "a genesis is held before there is a core")
        case .activate(let plan): [activationStep(plan)]
        case .changeKeyState(let plan): try keyStateSteps(plan)
        case .generate(let plan): try generateSteps(plan)
        case .importKey(let plan): try importSteps(plan)
        case .replicate(let plan): try replicateSteps(plan)
        case .removeToken(let plan): try removeTokenSteps(plan)
        case .rotateEpoch(let plan): try rotateEpochSteps(plan)
        case .drill(let plan): try drillSteps(plan)
        case .auditVerify(let plan): auditVerifySteps(plan)
        }
    }
}

extension CoreCeremony {
    /// Reads what an earlier step has found out; nil when it has not, or a crash left it half written.
    func read(_ name: String) throws -> JSONValue? {
        let path = "\(directory.work)/\(name)"
        guard directory.exists(path) else { return nil }
        return try? JSONParser.parse(try PrivateFile.readPublic(path))
    }

    /// Keeps what a step has found out, durably; no secret.
    func write(_ name: String, _ value: JSONValue) throws {
        try PrivateFile.replace("\(directory.work)/\(name)", JSONWriter.canonical(value), mode: 0o600)
        try PrivateFile.syncDirectory(directory.work)
    }

    /// Drops what a step has found out.
    func forget(_ name: String) throws { try PrivateFile.remove("\(directory.work)/\(name)") }

    /// Whether a step was begun so many times, this one included.
    func wasBegun(_ step: String, times: Int) throws -> Bool {
        let lines = try directory.loadTranscript(plan: plan).lines
        return lines.filter { $0.event == .begun && $0.step == step }.count >= times
    }

    /// A key that a step has made, as it was kept.
    func readKey(_ name: String) throws -> ManifestKey? {
        try read(name).map { try ManifestKey(recorded: $0) }
    }
}

extension CoreCeremony {
    /// The next manifest: the one in force, with keys that were quarantined by an order in that state, and a change.
    func successor(_ change: (inout Manifest) throws -> Void) throws -> Manifest {
        try demandBase()
        var next = core.inForce.current.effective
        (next.version, next.previous) = (base.version + 1, base.hash)
        (next.created, next.signatures) = (max(now, base.created), [])
        try change(&next)
        return try Manifest(bodyBytes: next.bodyBytes)
    }

    /// What was approved for one manifest is not done under another.
    func demandBase() throws {
        let snapshot = core.inForce.current
        guard snapshot.hash == base.hash else {
            throw CustodyError(
                .stale, "manifest \(snapshot.signed.version) came into force meanwhile: abort, and make a new plan")
        }
    }

    /// The steps that bring a manifest into force: written, signed, installed.
    func manifestSteps(
        beforeInstallation: [CeremonyStep] = [], judging judge: @escaping @Sendable () throws -> Void = {},
        _ change: @escaping @Sendable (inout Manifest) throws -> Void
    ) -> [CeremonyStep] {
        [
            ManifestSteps.draft(ceremony) { try self.successor(change) }, ManifestSteps.sign(ceremony),
        ] + beforeInstallation + [
            ManifestSteps.install(
                ceremony,
                check: {
                    try judge()
                    return .ready
                }, act: { try await self.putInForce($0) },
                installed: { self.isInForce($0) && self.isHostKeyInPlace(of: $0) })
        ]
    }

    /// Where the manifest is in force already, its host key's file could not be put in place: that alone is done again.
    private func putInForce(_ manifest: Manifest) async throws {
        guard isInForce(manifest) else {
            _ = try await core.install(manifest)
            return
        }
        try core.quorum().directory.settleHostKey(of: manifest)
    }

    private func isInForce(_ manifest: Manifest) -> Bool {
        core.inForce.current.chain?.manifests.contains { $0.hash == manifest.hash } ?? false
    }

    private func isHostKeyInPlace(of manifest: Manifest) -> Bool {
        guard manifest.hostKey != base.hostKey else { return true }
        return (try? core.quorum().directory.readHostKey()).map { manifest.names(hostKey: $0.publicKey) } ?? false
    }
}
