import ArgumentParser
import Custody
import StrictEncoding
import VaultAppliance

/// `ceremony plan`: asks, and writes the plan file.
struct CeremonyPlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Ask what a ceremony needs, and write the plan file with comments.",
        discussion: """
            Kinds: \(CeremonyKind.allCases.map(\.rawValue).joined(separator: ", ")). Examples of all of them are in \
            hsm-config/ceremonies. Nothing that is asked is a secret, and nothing is done but writing one new file, which \
            people may edit before 'ceremony draft' makes a ceremony of it. For rotate-epoch the threshold, the approvers and the \
            dials are those of the manifest in force, unless they are changed: the core is asked for it, or where none answers the \
            custody directory.
            """)

    @OptionGroup var options: ConfigurationOption
    @Option(help: "The new file; by default KIND.yaml.", completion: .file()) var out: String?
    @Argument(help: "What the ceremony is to do.") var kind: String

    func run() async throws {
        guard let kind = CeremonyKind(rawValue: kind) else {
            throw ValidationError("kinds are \(CeremonyKind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let path = out ?? "\(kind.rawValue).yaml"
        let configuration = try Configuration.load(file: options.config)
        var writer = PlanWriter(configuration: configuration)
        if kind == .rotateEpoch { writer.inForce = try await Self.manifest(configuration) }
        let text = try writer.write(kind)
        try PrivateFile.create(path, Array(text.utf8))
        // What was written must be a plan: better here than in front of the custodians.
        try PlanCheck.check(try PlanDocument.load(file: path))
        Terminal.say("written    \(path)")
        Terminal.say("next       read it, and change what you like; then:")
        Terminal.command("  vault-appliance ceremony draft --config \(options.config) \(path)")
    }

    /// The manifest in force, from the core or, where none answers, from the custody directory.
    private static func manifest(_ configuration: Configuration) async throws -> Manifest {
        do {
            return try await Offer.chain(socket: configuration.core.adminSocket).current
        } catch {
            guard let path = configuration.core.custodyDirectory,
                let chain = try? CustodyDirectory(path: path).readChain()
            else {
                throw CommandFailure(
                    "rotate-epoch: the manifest in force says what stays as it is, and nobody has it: start the core, or read "
                        + "the custody directory as the core's user (\(error))")
            }
            return chain.current
        }
    }
}
