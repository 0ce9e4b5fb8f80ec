import ArgumentParser
import CVaultSystem
import HSMBridge
import VaultTesting

/// `conformance`: whether a real token does what the appliance relies on.
struct Conformance: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the conformance suite against a token.",
        discussion: """
            Makes keys of its own on the token, tries everything the appliance relies on, and destroys them again. The PIN
            comes from a file or is asked for at the terminal without echo. Exits 0 when nothing failed, else 1.
            """)

    @Option(help: "Absolute path of the PKCS#11 library.", completion: .file()) var module: String
    @Option(help: "The token: its label, or a URI like pkcs11:token=LABEL;serial=SERIAL.") var token: String
    @Option(help: "A file with the PIN, for its owner alone; without one the PIN is asked for.", completion: .file())
    var pinFile: String?
    @Option(help: "Lanes of the load.") var lanes = 2
    @Option(help: "Seconds each algorithm is under load.") var seconds = 2

    func validate() throws {
        guard (1...64).contains(lanes), (1...600).contains(seconds) else {
            throw ValidationError("--lanes 1 to 64, --seconds 1 to 600")
        }
    }

    func run() async throws {
        guard csystem_harden_process() == 0 else { throw ExitCode.failure }
        let uri = token.hasPrefix("pkcs11:") ? try TokenURI(token) : TokenURI(label: token)
        let pin = try pinFile.map { try PIN(file: $0) } ?? PIN(promptingAtTerminal: "PIN of \(uri)")
        var options = TokenConformance.Options()
        options.lanes = lanes
        options.load = .seconds(seconds)
        let run = String(UInt32.random(in: 0x1000_0000 ... .max), radix: 16)
        let suite = TokenConformance(modulePath: module, token: uri, pin: pin, run: run, options: options)
        let checks = await suite.checks { print($0.line) }
        let failures = checks.count(where: \.isFailure)
        let skipped = checks.count { if case .skipped = $0.outcome { true } else { false } }
        print("\n\(checks.count - failures - skipped) passed, \(failures) failed, \(skipped) skipped")
        guard failures == 0 else { throw ExitCode.failure }
    }
}
