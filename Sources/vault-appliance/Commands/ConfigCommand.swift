import ArgumentParser
import StrictEncoding
import VaultAppliance

/// `config`: the configuration file before anything runs on it.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check a configuration file, or approve its bundle.",
        subcommands: [Validate.self, Schema.self, ConfigApprove.self])

    struct Validate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say every fault of a configuration and its policy at once, with lines.")

        @Argument(help: "The configuration file.", completion: .file()) var file: String

        func run() async throws {
            let source = try ConfigurationBundle.load(file: file)
            try Front.validate(source)
            print("valid: \(file), bundle \(source.hash)")
        }
    }

    struct Schema: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print the configuration's JSON Schema.")

        func run() async throws {
            print(String(decoding: JSONWriter.compact(Configuration.schema), as: UTF8.self))
        }
    }
}
