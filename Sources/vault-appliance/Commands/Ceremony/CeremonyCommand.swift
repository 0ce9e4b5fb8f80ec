import ArgumentParser

/// `ceremony`: what no one person may do alone.
struct CeremonyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ceremony",
        abstract: "Hold a ceremony: make keys and manifests that no one person could have made alone.",
        discussion: """
            In this order: 'plan' writes the one plan file; 'draft' makes a ceremony of it and shows the words to read \
            aloud; 'rehearse' runs it on a throw-away token; custodians sign the plan, 'approve' hands their signatures in; \
            'run' takes the steps, 'resume' goes on after a pause or a crash, 'abort' takes everything back; custodians and \
            witnesses sign the transcript's head, 'approve' hands that in too; 'verify' checks it all, offline. \
            'status' says where a ceremony stands and who is missing. docs/ceremonies.md is the script for people.
            """,
        subcommands: [
            CeremonyPlanCommand.self, CeremonyValidate.self, CeremonyDraft.self, CeremonyRehearse.self,
            CeremonyApprove.self, CeremonyRun.self, CeremonyHandIn.self, CeremonyResume.self, CeremonyAbort.self,
            CeremonyNote.self, CeremonyStatus.self, CeremonyVerify.self,
        ])
}

/// Which ceremony, and how its state is shown.
struct CeremonyOptions: ParsableArguments {
    @OptionGroup var options: ConfigurationOption
    @Argument(help: "The ceremony's id, like genesis-0123456789ab.") var id: String
    @Flag(help: "Print JSON for machines, one object a line.") var json = false

    /// Where the ceremony is held.
    func access() throws -> CeremonyAccess {
        try CeremonyAccess(configuration: options.config, isGenesis: id.hasPrefix("genesis-"))
    }

    /// How its state is shown.
    var console: CeremonyConsole { CeremonyConsole(isJSON: json, configuration: options.config) }
}
