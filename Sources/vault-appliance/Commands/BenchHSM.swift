import ArgumentParser
import Custody
import Foundation
import StrictEncoding
import VaultCore

/// `bench hsm`: what the token can sign, and what the bridge makes of it.
struct BenchHSM: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hsm", abstract: "Measure signatures a second: plain C_Sign loops against the bridge's lanes.",
        discussion: "Opens the token by itself, beside a running core; use it on a machine that has nothing else to do."
    )

    @OptionGroup var options: ConfigurationOption
    @Option(help: "Seconds a measurement.") var seconds = 3
    @Option(help: "Numbers of lanes and threads to measure.") var lanes: [Int] = [1, 2, 3]
    @Flag(help: "Print JSON lines for machines.") var json = false

    func validate() throws {
        guard (1...600).contains(seconds), !lanes.isEmpty, lanes.allSatisfy((1...64).contains) else {
            throw ValidationError("--seconds 1 to 600, --lanes 1 to 64")
        }
    }

    func run() async throws {
        let benchmark = HSMBenchmark(settings: try CoreSettings(loading: options.config))
        if !json { print("signatures/s    lanes   C_Sign loop   loop and check   bridge (checks)") }
        for key in try benchmark.keys() {
            for count in lanes {
                report(key, count, try await benchmark.measure(key, lanes: count, for: .seconds(seconds)))
            }
        }
    }

    private func report(_ key: ManifestKey, _ lanes: Int, _ figures: HSMBenchmark.Figures) {
        if json {
            let line: JSONValue = [
                "alg": .string(key.algorithm), "lanes": .integer(Int64(lanes)), "loop": .integer(Int64(figures.loop)),
                "checked_loop": .integer(Int64(figures.checkedLoop)), "bridge": .integer(Int64(figures.lanes)),
            ]
            print(String(decoding: JSONWriter.canonical(line), as: UTF8.self))
        } else {
            let name = key.algorithm.padding(toLength: 14, withPad: " ", startingAt: 0)
            print(
                name
                    + String(
                        format: "%7d %13.0f %16.0f %17.0f", lanes, figures.loop, figures.checkedLoop, figures.lanes))
        }
    }
}
