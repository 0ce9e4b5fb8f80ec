import ArgumentParser
import CoreProtocol
import StrictEncoding
import VaultAppliance
import VaultCore

/// `config`: the configuration file before anything runs on it.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check a configuration file, or approve its bundle.",
        subcommands: [Validate.self, Schema.self, ConfigApprove.self])

    struct Validate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say every fault of a configuration and its policy at once, with lines.",
            discussion:
                "Reads the files it names as well, so run it where they are. Exits 0 when it is sound, 1 when not.")

        @Argument(help: "The configuration file.", completion: .file()) var file: String
        @Flag(help: "Print JSON for machines.") var json = false

        func run() async throws {
            do throws(ConfigurationError) {
                let source = try ConfigurationBundle.load(file: file, parsesKeys: true, check: Self.check)
                try Front.validate(source)
                guard !json else {
                    return Terminal.print(json: ["valid": true, "bundle": .string(source.hash), "faults": []])
                }
                print("valid: \(file), bundle \(source.hash)")
            } catch {
                guard json else { throw error }
                Terminal.print(json: ["valid": false, "bundle": .null, "faults": .array(error.faults.map(Self.json))])
                throw ExitCode.failure
            }
        }

        /// What the processes would find out only later: when somebody has to be cut off.
        private static func check(
            _ configuration: Configuration
        ) -> [(field: String, message: String, mend: String)] {
            var faults: [(field: String, message: String, mend: String)] = []
            if let path = configuration.core.onCallFile {
                do throws(CoreError) {
                    _ = try OnCallList(file: path)
                } catch {
                    faults.append(
                        ("core.on_call", error.reason, "one line a person: a name and an SSH public key"))
                }
            }
            return faults
        }

        private static func json(_ fault: ConfigurationFault) -> JSONValue {
            [
                "file": .string(fault.file), "line": fault.line.map { .integer(Int64($0)) } ?? .null,
                "field": .string(fault.field), "message": .string(fault.message), "mend": .string(fault.mend),
            ]
        }
    }

    struct Schema: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print the configuration's JSON Schema.")

        func run() async throws {
            print(String(decoding: JSONWriter.compact(Configuration.schema), as: UTF8.self))
        }
    }
}
