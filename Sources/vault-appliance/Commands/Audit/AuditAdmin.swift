import ArgumentParser
import Custody
import StrictEncoding
import VaultAppliance
import VaultCore

/// Who does something to the log: whoever signs the order, or under development custody a name that nobody checks.
struct PersonOptions: ParsableArguments {
    @OptionGroup var signing: SigningChoice
    @Option(help: "Under development custody alone, where nobody signs: the name people know you by.")
    var `operator`: String?

    func validate() throws {
        guard signing.count + (`operator` == nil ? 0 : 1) == 1 else {
            throw ValidationError(
                "give --key to sign here, --write to sign elsewhere, or --submit what was signed; under development custody --operator"
            )
        }
    }

    /// The name, where custody is for development: shown as what it is.
    static func unchecked(_ person: String?) throws -> JSONValue {
        guard let person else {
            throw CommandFailure("core.custody is development: there is nobody who could sign; give --operator NAME")
        }
        Terminal.note("custody      development: nobody checks who \(person) is")
        return .string(person)
    }

    /// The command for the core; nil when the order was only written.
    ///
    /// Without an order it has `members`, besides its name and the operator's.
    func command(
        _ name: String, _ action: Order.Action, _ subject: String = "", reason: String = "", members: JSONObject,
        _ settings: CoreSettings, again: String
    ) async throws -> JSONValue? {
        guard settings.custody == Manifest.Mode.quorum.rawValue else {
            var object = members
            object["command"] = .string(name)
            object["operator"] = try Self.unchecked(self.operator)
            return .object(object)
        }
        guard self.operator == nil else {
            throw CommandFailure(
                "--operator: core.custody is quorum, so a custodian or an approver signs: give --key, or --write and --submit"
            )
        }
        let signed = try await signing.order(action, subject, reason: reason, settings.adminSocket, command: again)
        guard let signed else { return nil }
        guard try Order(file: Array(signed.file.utf8)).subject == subject else {
            throw CommandFailure("--submit: the order that was signed is about another one than \(subject)")
        }
        return signed.command(name)
    }
}

/// `audit accept-time`: a person vouches for the clock.
struct AuditAcceptTime: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accept-time", abstract: "Vouch for the clock after it has jumped, so that the log goes on.",
        discussion: """
            The log refuses a clock that is more than a second behind its last entry, and one that has jumped forward by more \
            than audit.max_clock_jump while the core ran. Mend the clock first. Then this command records that it is right now, under the name and the key of the \
            custodian or approver who signs the order; the entry is the only one whose time may be before that of the entry \
            before it.
            """)

    @OptionGroup var options: ConfigurationOption
    @OptionGroup var person: PersonOptions
    @Option(help: "Why the clock is right now, in one line; with --submit it stands in the order.") var reason: String?
    @Flag(help: "Print JSON for machines.") var json = false

    func validate() throws {
        guard (reason == nil) == (person.signing.submit != nil) else {
            throw ValidationError(
                reason == nil ? "give --reason" : "--reason stands in the order that --submit hands in: leave it out")
        }
        guard reason.map({ PlanReader.isLine($0) }) ?? true else {
            throw ValidationError("--reason: one line of 1 to 500 bytes")
        }
    }

    func run() async throws {
        let settings = try CoreSettings(loading: options.config)
        let command = try await person.command(
            "audit-accept-time", .acceptTime, reason: reason ?? "",
            members: JSONObject([.init(name: "reason", value: .string(reason ?? ""))]), settings,
            again: "vault-appliance audit accept-time --config \(options.config)")
        guard let command else { return }
        let answer = try await AdminClient.call(command, socket: settings.adminSocket)
        if json { return Terminal.print(json: answer) }
        print("accepted: the log goes on at \(answer.object?["time"]?.string ?? "-")")
    }
}

/// `audit prune`: removes the entries of a closed shard.
struct AuditPrune: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Remove the entries of a closed shard; its final checkpoint stays.",
        discussion: """
            Fetch or export the shard, and verify the copy, before you prune it: what is gone is gone. The core verifies the \
            shard once more (a minute for some millions of entries), records the pruning under the name and the key of the custodian or approver \
            who signs the order, and keeps the few entries that still say what is in force, with their proofs.
            """)

    @OptionGroup var options: ConfigurationOption
    @OptionGroup var person: PersonOptions
    @Option(help: "Number of the closed shard.") var shard: UInt64
    @Flag(help: "Print JSON for machines.") var json = false

    func run() async throws {
        let settings = try CoreSettings(loading: options.config)
        let command = try await person.command(
            "audit-prune", .prune, String(shard),
            members: JSONObject([.init(name: "shard", value: .integer(Int64(clamping: shard)))]), settings,
            again: "vault-appliance audit prune --config \(options.config) --shard \(shard)")
        guard let command else { return }
        let answer = try await AdminClient.call(command, socket: settings.adminSocket, within: .seconds(3600))
        if json { return Terminal.print(json: answer) }
        print("pruned: shard \(shard), \(answer.object?["size"]?.integer ?? 0) entries; its checkpoint stays")
    }
}
