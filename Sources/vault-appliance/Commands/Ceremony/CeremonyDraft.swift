import ArgumentParser
import Custody
import StrictEncoding
import VaultAppliance

/// `ceremony draft`: makes a ceremony of a plan file.
struct CeremonyDraft: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "draft",
        abstract: "Make a ceremony of a plan file, and show the words that custodians compare.",
        discussion: """
            The plan gets a nonce, its time and the appliance's id, and never changes again: plan.json in the ceremony's \
            directory is what custodians sign. Nothing is done yet. Exits 0 when the ceremony is there.
            """)

    @OptionGroup var options: ConfigurationOption
    @Flag(help: "Print JSON for machines.") var json = false
    @Argument(help: "The plan (YAML), as 'ceremony plan' writes it.", completion: .file()) var plan: String

    func run() async throws {
        let document = try PlanDocument.load(file: plan)
        try PlanCheck.check(document)
        let isGenesis = document.value.object?["ceremony"]?.string == CeremonyKind.genesis.rawValue
        let access = try CeremonyAccess(configuration: options.config, isGenesis: isGenesis)
        let progress: JSONValue
        do {
            progress = try await access.call("ceremony-draft", ["plan": document.value])
        } catch let error as PlanError {
            throw document.error(error)
        }
        CeremonyConsole(isJSON: json, configuration: options.config).show(progress)
    }
}

/// `ceremony validate`: says everything that is wrong with a plan file.
struct CeremonyValidate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Say everything that is wrong with a plan file; needs no appliance.",
        discussion: "Exits 0 when the plan is in order, 1 when it is not.")

    @Argument(help: "The plan (YAML).", completion: .file()) var plan: String

    func run() async throws {
        let document = try PlanDocument.load(file: plan)
        let kind = try PlanCheck.check(document)
        print("\(plan): a plan for \(kind.rawValue), in order")
    }
}

/// Looks through a plan before anybody is asked about it.
enum PlanCheck {
    /// Throws every fault of the plan itself at its line.
    @discardableResult
    static func check(_ document: PlanDocument) throws -> CeremonyKind {
        do {
            return try CeremonyPlan.check(draft: document.value)
        } catch {
            throw document.error(error)
        }
    }
}

extension PlanDocument {
    /// The faults of a plan at the lines of its file.
    func error(_ error: PlanError) -> ConfigurationError {
        self.error(error.faults.map { ($0.field, $0.problem, $0.mend) })
    }
}
