import ArgumentParser
import Custody
import Foundation

/// `custodian`: what custodians do on their own computers.
struct CustodianCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "custodian", abstract: "What a custodian does on a computer of his own.",
        subcommands: [CustodianWrapKey.self])
}

/// Where a custodian's keys and pins are.
struct CustodianHomeOption: ParsableArguments {
    @Option(help: "The custodian's own directory; ~/.vault-custodian unless given.", completion: .directory)
    var home: String?

    var value: CustodianHome {
        CustodianHome(
            directory: home ?? FileManager.default.homeDirectoryForCurrentUser.path + "/.vault-custodian")
    }
}
