import ArgumentParser
import Custody
import StrictEncoding

/// `ceremony abort`: takes back what can be taken back.
struct CeremonyAbort: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "abort", abstract: "Take a ceremony back and end it; the transcript says why and what remains.",
        discussion: """
            In a running core it takes the order of one custodian or approver, who signs the reason with it: give --reason with \
            --key to sign it here, or with --write to have it signed elsewhere, and --submit to hand that in. A genesis, for \
            which there is no core yet, takes --reason and --by; the transcript says that nobody signed it.
            """)

    @OptionGroup var ceremony: CeremonyOptions
    @Option(help: "Why, in your own words, in one line; with --submit it stands in the order.") var reason: String?
    @Option(help: "Who decided it, where there is no core yet; by default the plan's administrator.") var by: String?
    @OptionGroup var signing: SigningChoice

    func validate() throws {
        guard (reason == nil) == (signing.submit != nil) else {
            throw ValidationError(
                signing.submit == nil
                    ? "give --reason" : "--reason stands in the order that --submit hands in: leave it out")
        }
        guard reason.map({ !$0.isEmpty && $0.utf8.count <= 500 }) ?? true else {
            throw ValidationError("--reason: one line of 1 to 500 bytes")
        }
    }

    func run() async throws {
        try ProcessHygiene.apply()
        let access = try ceremony.access()
        let id = JSONValue.string(ceremony.id)
        if let socket = access.socket {
            try signing.demandOne()
            let command = "vault-appliance ceremony abort --config \(ceremony.options.config) \(ceremony.id)"
            guard
                let order = try await signing.order(
                    .abort, ceremony.id, reason: reason ?? "", socket, command: command)
            else { return }
            let progress = try await access.call(
                "ceremony-abort",
                ["id": id, "order": .string(order.file), "signature": .string(order.signature)])
            return ceremony.console.show(progress)
        }
        let status = try await access.call("ceremony-status", ["id": id])
        let person = by ?? status.object?["administrator"]?.string ?? "-"
        let progress = try await access.call(
            "ceremony-abort", ["id": id, "reason": .string(reason ?? ""), "by": .string(person)])
        ceremony.console.show(progress)
    }
}
