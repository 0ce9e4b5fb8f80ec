import ArgumentParser

/// The command: every subcommand parses, calls a library, and prints.
@main
struct VaultApplianceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vault-appliance",
        abstract: "Mints short-lived credentials for AI agents, each signed in a PKCS#11 token for one operation.",
        discussion: """
            The appliance is two processes: 'core' holds the HSM and the audit log, 'serve' faces the network.
            Secrets are given by file, never on the command line. Exit codes: 0 done, 1 refused or failed, 64 bad usage.
            """,
        subcommands: [
            Core.self, Serve.self, Status.self, Doctor.self, Publish.self, DevelopmentGenesisCommand.self,
            ConfigCommand.self, Activate.self, Seal.self, Quarantine.self, CustodianCommand.self, CeremonyCommand.self,
            PolicyCommand.self, TLSCommand.self, AuditCommand.self, Exchange.self, CutOffCommand.self, Bench.self,
            SecretCommand.self,
            TokenTaskCommand.self,
        ])
}

/// The option that most commands share.
struct ConfigurationOption: ParsableArguments {
    @Option(name: .shortAndLong, help: "The appliance's configuration file (YAML).", completion: .file())
    var config: String
}
