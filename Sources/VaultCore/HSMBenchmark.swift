package import Custody
import HSMBridge

/// The token's rate for a key of the manifest, plain and through the bridge.
package struct HSMBenchmark {
    /// Signatures a second: medians over rounds in which one is measured after the other.
    package struct Figures: Sendable {
        /// Plain C_Sign loops.
        package let loop: Double
        /// The bridge's lanes without the host's check of each signature, which the appliance never leaves out.
        package let unchecked: Double
        /// The bridge's lanes.
        package let bridge: Double
        /// Lanes without the check against the plain loop: the median of the rounds' ratios.
        package let uncheckedRatio: Double
        /// Lanes against the plain loop, likewise.
        package let bridgeRatio: Double
    }

    private let settings: CoreSettings

    /// A benchmark of the configured token.
    package init(settings: CoreSettings) { self.settings = settings }

    /// The active signing keys of the manifest.
    package func keys() throws -> [ManifestKey] {
        try Manifest.load(settings).keys.filter { $0.purpose == .signing && $0.state == .active }
    }

    /// Measures one key with a number of threads and lanes.
    package func measure(
        _ key: ManifestKey, lanes: Int, rounds: Int, for duration: Duration
    ) async throws -> Figures {
        let hsm = try await open(key.token, lanes: lanes)
        let benchmark = SignatureBenchmark(
            hsm: hsm, reference: try key.reference(file: settings.manifestFile), lanes: lanes)
        var (loops, unchecked, bridge): ([Double], [Double], [Double]) = ([], [], [])
        for _ in 0..<rounds {
            loops.append(try await benchmark.loops(for: duration))
            unchecked.append(try await benchmark.uncheckedBridge(for: duration))
            bridge.append(try await benchmark.bridge(for: duration))
        }
        _ = await hsm.shutdown()
        return Figures(
            loop: Self.median(loops), unchecked: Self.median(unchecked), bridge: Self.median(bridge),
            uncheckedRatio: Self.median(zip(unchecked, loops).map { $0 / $1 }),
            bridgeRatio: Self.median(zip(bridge, loops).map { $0 / $1 }))
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }

    /// Opens the configured token with this serial number.
    private func open(_ serial: String, lanes: Int) async throws(StartError) -> HSM {
        for token in settings.tokens {
            var token = token
            token.lanes = lanes
            let hsm = try await HSM.open(token, file: settings.configurationFile)
            if hsm.profile.info.serial == serial { return hsm }
            _ = await hsm.shutdown()
        }
        throw StartError(
            file: settings.configurationFile, field: "hsm", problem: "names no token with serial \(serial)",
            mend: "configure the manifest's tokens")
    }
}
