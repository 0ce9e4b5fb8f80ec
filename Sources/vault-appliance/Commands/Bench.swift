import ArgumentParser

/// `bench`: measures what this machine and this token can do.
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure the HSM and the token exchange; a benchmark, not a test.",
        subcommands: [
            BenchHSM.self, BenchExchange.self, BenchOneProcess.self, BenchBaseline.self, BenchStages.self,
            BenchLog.self,
        ])
}
