import ArgumentParser
import CVaultSystem
import Glibc
import VaultCore

/// `token-task`: the process that works with a token under its security officer, started by the appliance itself.
struct TokenTaskCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: TokenChild.argument,
        abstract: "Do one task with a token, for the process that started this; people never call it.",
        shouldDisplay: false)

    func run() async throws {
        try ProcessHygiene.apply()
        // As in the core: no runtime prints memory that held a PIN when a vendor's library crashes.
        // Safety: the name is copied before the call returns.
        guard unsafe csystem_report_fatal_signals("vault.token-task") == 0 else {
            throw CommandFailure("fatal signals cannot be reported (errno \(errno)); the process does not start")
        }
        TokenChild.serve()
    }
}
