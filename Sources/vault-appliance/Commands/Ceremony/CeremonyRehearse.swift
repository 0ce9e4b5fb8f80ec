import ArgumentParser
import Custody
import HSMBridge
import StrictEncoding
import VaultCore

/// `ceremony rehearse`: the same steps, with nothing at stake.
struct CeremonyRehearse: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rehearse", abstract: "Take the same steps on a throw-away SoftHSM with throw-away custodians.",
        discussion: """
            The transcript lies in the ceremony's directory under rehearsal/, and is the same as the real one will be but for \
            the values that must differ. A ceremony of the running core is rehearsed in a throw-away core in this process, on \
            tokens with keys like those of the manifest in force: nothing touches the appliance's own, and the core keeps the \
            transcript. Exits 0 when every step went well.
            """)

    @OptionGroup var ceremony: CeremonyOptions
    @Option(help: "Path of SoftHSM's library, where it is not where Debian puts it.", completion: .file())
    var softhsm: String?

    func run() async throws {
        try ProcessHygiene.apply()
        guard let module = softhsm ?? SoftHSM.installedLibrary else {
            throw CommandFailure("SoftHSM is not here: install softhsm2, or name its library with --softhsm")
        }
        let access = try ceremony.access()
        let status =
            if let site = access.site {
                try await rehearseGenesis(site, module)
            } else {
                try await rehearse(access, module)
            }
        ceremony.console.showNext(status)
    }

    /// There is no core: what was rehearsed is written into the ceremony's directory here.
    private func rehearseGenesis(_ site: GenesisSite, _ module: String) async throws -> JSONValue {
        let directory = try CeremonyDirectory(root: site.custody.ceremonies, id: ceremony.id)
        let rehearsal = GenesisRehearsal(try Ceremony(directory, manifest: nil), site: site, softHSM: module)
        var shown: Set<String> = []
        let progress = try await rehearsal.run { show($0.json, &shown) }
        guard progress.state == .completed else { throw CommandFailure("the rehearsal did not complete") }
        if !ceremony.json { Terminal.say("rehearsed  \(directory.rehearsal.transcript)", hanging: 11) }
        return try await ceremony.access().call("ceremony-status", ["id": .string(ceremony.id)])
    }

    /// The core keeps the rehearsal of a ceremony of its own, which happens in a throw-away core in this process.
    private func rehearse(_ access: CeremonyAccess, _ module: String) async throws -> JSONValue {
        let plan = try CeremonyPlan(file: try await access.read("plan.json", of: ceremony.id))
        let manifests = try await access.manifests()
        guard let base = manifests.first(where: { $0.hash == plan.manifest?.hash }) else {
            throw CommandFailure("the plan is for a manifest that is none of this appliance's: make a new plan")
        }
        let rehearsal = CoreRehearsal(
            plan, base: base, states: try await access.keyStates(),
            settings: try CoreSettings(loading: ceremony.options.config), softHSM: module, clock: systemClock)
        var shown: Set<String> = []
        let record = try await rehearsal.run { show($0, &shown) }
        let status = try await access.call(
            "ceremony-rehearsed", ["id": .string(ceremony.id), "rehearsal": record])
        if !ceremony.json {
            let directory = status.object?["directory"]?.string ?? "-"
            Terminal.say("rehearsed  \(directory)/rehearsal/transcript.jsonl", hanging: 11)
        }
        return status
    }

    private func show(_ progress: JSONValue, _ shown: inout Set<String>) {
        for step in (progress.object?["steps"]?.array ?? []).compactMap(\.object) {
            guard step["standing"]?.string == "done", let name = step["name"]?.string, shown.insert(name).inserted
            else { continue }
            ceremony.console.showStep(name, progress)
        }
    }
}
