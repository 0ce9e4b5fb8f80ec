import ArgumentParser
import Custody
import StrictEncoding
import VaultCore

/// `ceremony rehearse`: the same steps, with nothing at stake.
struct CeremonyRehearse: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rehearse", abstract: "Take the same steps on a throw-away SoftHSM with throw-away custodians.",
        discussion: """
            The transcript lies in the ceremony's directory under rehearsal/, and is the same as the real one will be but for
            the values that must differ. Exits 0 when every step went well.
            """)

    @OptionGroup var ceremony: CeremonyOptions
    @Option(help: "Path of SoftHSM's library, where it is not where Debian puts it.", completion: .file())
    var softhsm: String?

    func run() async throws {
        try ProcessHygiene.apply()
        guard let module = softhsm ?? GenesisRehearsal.installedSoftHSM else {
            throw CommandFailure("SoftHSM is not here: install softhsm2, or name its library with --softhsm")
        }
        guard let site = try ceremony.access().site else {
            throw CommandFailure("ceremonies in the running core are rehearsed by it; this build knows only genesis")
        }
        let directory = try CeremonyDirectory(root: site.custody.ceremonies, id: ceremony.id)
        let rehearsal = GenesisRehearsal(try Ceremony(directory, manifest: nil), site: site, softHSM: module)
        var shown: Set<String> = []
        let progress = try await rehearsal.run { progress in
            let json = progress.json
            for step in progress.steps where step.standing == .done && shown.insert(step.name).inserted {
                ceremony.console.showStep(step.name, json)
            }
        }
        guard progress.state == .completed else { throw CommandFailure("the rehearsal did not complete") }
        let status = try await ceremony.access().call("ceremony-status", ["id": .string(ceremony.id)])
        if !ceremony.json { print("rehearsed  \(directory.rehearsal.transcript)") }
        ceremony.console.show(status)
    }
}
