import ArgumentParser
import Custody
import Foundation
import StrictEncoding
import VaultCore

/// `bench hsm`: what the token can sign, and what the bridge makes of it.
struct BenchHSM: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hsm", abstract: "Measure signatures a second: plain C_Sign loops against the bridge's lanes.",
        discussion: """
            Opens the token by itself, beside a running core; use it on a machine that has nothing else to do. The appliance \
            checks every signature on the host; the column without that check shows what the lanes themselves cost.
            """
    )

    /// Beyond a number of lanes with which the bridge grows by less than this, more are of no use.
    private static let worthwhile = 1.1

    @OptionGroup var options: ConfigurationOption
    @Option(help: "Seconds a measurement; many short ones are fairer on a machine that is not quiet.") var seconds = 2.0
    @Option(help: "Rounds, of which the median counts.") var rounds = 3
    @Option(help: "Numbers of lanes and threads to measure.") var lanes: [Int] = [1, 2, 3]
    @Flag(help: "Print JSON lines for machines.") var json = false

    func validate() throws {
        guard (0.1...600).contains(seconds), (1...99).contains(rounds), !lanes.isEmpty,
            lanes.allSatisfy((1...64).contains)
        else { throw ValidationError("--seconds 0.1 to 600, --rounds 1 to 99, --lanes 1 to 64") }
    }

    func run() async throws {
        try ProcessHygiene.apply()
        let benchmark = HSMBenchmark(settings: try CoreSettings(loading: options.config))
        if !json {
            print(
                "signatures/s   lanes   C_Sign loop   bridge without check   bridge, checking   processor us a signature"
            )
        }
        for key in try benchmark.keys() {
            var measured: [(lanes: Int, rate: Double)] = []
            for count in lanes.sorted() {
                let figures = try await benchmark.measure(key, lanes: count, rounds: rounds, for: .seconds(seconds))
                report(key, count, figures)
                measured.append((count, figures.bridge))
            }
            if lanes.count > 1 { recommend(key, Self.best(of: measured)) }
        }
    }

    /// The smallest number of lanes that no larger one beats by a tenth.
    private static func best(of measured: [(lanes: Int, rate: Double)]) -> Int {
        let most = measured.map(\.rate).max() ?? 0
        return measured.first { most < worthwhile * $0.rate }?.lanes ?? 1
    }

    private func report(_ key: ManifestKey, _ lanes: Int, _ figures: HSMBenchmark.Figures) {
        let check = 1e6 * (figures.bridgeTime - figures.uncheckedTime)
        if json {
            let line: JSONValue = [
                "alg": .string(key.algorithm), "lanes": .integer(Int64(lanes)), "loop": .integer(Int64(figures.loop)),
                "bridge_unchecked": .integer(Int64(figures.unchecked)), "bridge": .integer(Int64(figures.bridge)),
                "bridge_unchecked_permille": .integer(Int64((1000 * figures.uncheckedRatio).rounded())),
                "bridge_permille": .integer(Int64((1000 * figures.bridgeRatio).rounded())),
                "check_us": .integer(Int64(check.rounded())),
                "loop_processor_ns": .integer(Int64(1e9 * figures.loopTime)),
                "bridge_unchecked_processor_ns": .integer(Int64(1e9 * figures.uncheckedTime)),
                "bridge_processor_ns": .integer(Int64(1e9 * figures.bridgeTime)),
            ]
            print(String(decoding: JSONWriter.canonical(line), as: UTF8.self))
        } else {
            let name = key.algorithm.padding(toLength: 12, withPad: " ", startingAt: 0)
            print(
                name
                    + String(
                        format: "%8d %13.0f %13.0f (%5.1f %%) %9.0f (%5.1f %%) %8.1f %6.1f %6.1f", lanes,
                        figures.loop, figures.unchecked, 100 * figures.uncheckedRatio, figures.bridge,
                        100 * figures.bridgeRatio, 1e6 * figures.loopTime, 1e6 * figures.uncheckedTime,
                        1e6 * figures.bridgeTime))
        }
    }

    private func recommend(_ key: ManifestKey, _ lanes: Int) {
        if json {
            let line: JSONValue = ["alg": .string(key.algorithm), "recommended_lanes": .integer(Int64(lanes))]
            print(String(decoding: JSONWriter.canonical(line), as: UTF8.self))
        } else {
            print("\(key.algorithm): take lanes: \(lanes)")
        }
    }
}
