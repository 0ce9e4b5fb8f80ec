import ArgumentParser
import CoreProtocol
import VaultCore

/// The command: every subcommand parses, calls a library, and prints.
@main
struct VaultApplianceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vault-appliance",
        abstract: "Mints short-lived credentials for AI agents, each signed in a PKCS#11 token for one operation.",
        discussion: """
            The appliance is two processes: 'core' holds the HSM and the audit log, 'serve' faces the network.
            Secrets are given by file, never on the command line. Exit codes: 0 done; 1 refused or failed; 2 from \
            'ceremony verify', a transcript that holds so far and has no end yet; 64 bad usage, a value that is none or a \
            name that the configuration does not have among it; 69 from 'core', its PKCS#11 library has to be started anew; \
            70 from 'core', the audit log failed.
            """,
        subcommands: [
            Core.self, Serve.self, Status.self, Doctor.self, Publish.self, DevelopmentGenesisCommand.self,
            ConfigCommand.self, Activate.self, Seal.self, Quarantine.self, CustodianCommand.self, CeremonyCommand.self,
            PolicyCommand.self, TLSCommand.self, AuditCommand.self, Exchange.self, CutOffCommand.self, Bench.self,
            SecretCommand.self,
            TokenTaskCommand.self,
        ])

    @Flag(help: "Print the release, and the SHA-256 of this executable.") var version = false

    func run() async throws {
        guard version else { throw CleanExit.helpRequest(self) }
        print("vault-appliance \(Build.version) (\(Executable.build))")
    }

    /// Runs the command that was typed; whatever it throws is said in words for whoever typed it.
    static func main() async {
        do {
            var command = try parseAsRoot(Quarantine.arguments(Array(CommandLine.arguments.dropFirst())))
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let error as ValidationError {
            // Of a command that runs: a name that the configuration does not have. The usage of the whole program is no help.
            Terminal.note("Error: \(error.message)")
            exit(withError: ExitCode.validationFailure)
        } catch {
            exit(withError: PlainError.of(error))
        }
    }
}

/// The option that most commands share.
struct ConfigurationOption: ParsableArguments {
    @Option(name: .shortAndLong, help: "The appliance's configuration file (YAML).", completion: .file())
    var config: String
}
