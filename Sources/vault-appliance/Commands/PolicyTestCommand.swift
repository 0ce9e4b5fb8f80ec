import ArgumentParser
import Policy
import StrictEncoding
import VaultAppliance

/// `policy test`: a table of requests, and what the rules are to make of each.
struct PolicyTestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Decide the requests of a file and compare with what it expects.",
        discussion: """
            Exits 0 when every decision is the expected one, 1 when one is not or the file is faulty. Needs no running \
            appliance, so it can guard a change of the policy before it is loaded. docs/operating.md describes the file.
            """)

    @OptionGroup var options: ConfigurationOption
    @Flag(help: "Print one JSON object a test, and no summary.") var json = false
    @Argument(help: "YAML file with the requests.") var file: String

    func run() async throws {
        let source = try ConfigurationBundle.load(file: options.config)
        let document = try PolicyTestDocument.load(file: file, configuration: source.configuration)
        let now = systemClock().seconds
        let results = document.cases.map { PolicyTestResult($0, policy: source.policy, now: now) }
        for result in results { show(result) }
        let failed = results.filter { !$0.passed }.count
        if !json { print("\(results.count - failed) as expected, \(failed) not") }
        guard failed == 0 else { throw ExitCode.failure }
    }

    private func show(_ result: PolicyTestResult) {
        if json {
            print(String(decoding: JSONWriter.compact(result.json), as: UTF8.self))
        } else if result.passed {
            print("ok    \(result.name): \(result.decision)")
        } else {
            print("NOT   \(result.name): \(result.decision); expected: \(result.expected)")
        }
    }
}
