package import Custody
package import HSMBridge

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
        /// Processor time of a signature of the plain loop, in seconds: what is compared where others use the machine too.
        package let loopTime: Double
        /// The same for lanes without the check.
        package let uncheckedTime: Double
        /// The same for lanes.
        package let bridgeTime: Double
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
        do {
            let figures = try await measure(key, hsm, lanes: lanes, rounds: rounds, for: duration)
            _ = await hsm.shutdown()
            return figures
        } catch {
            _ = await hsm.shutdown()
            throw error
        }
    }

    private func measure(
        _ key: ManifestKey, _ hsm: HSM, lanes: Int, rounds: Int, for duration: Duration
    ) async throws -> Figures {
        try SignatureBenchmark.demandSessions(for: lanes, of: hsm.profile.info)
        let benchmark = SignatureBenchmark(hsm: hsm, reference: try key.reference(file: settings.manifestFile))
        var (loops, unchecked, bridge): ([SignatureRate], [SignatureRate], [SignatureRate]) = ([], [], [])
        for _ in 0..<rounds {
            loops.append(try await benchmark.loops(for: duration))
            unchecked.append(try await benchmark.uncheckedBridge(for: duration))
            bridge.append(try await benchmark.bridge(for: duration))
        }
        return Figures(
            loop: Self.median(loops.map(\.perSecond)), unchecked: Self.median(unchecked.map(\.perSecond)),
            bridge: Self.median(bridge.map(\.perSecond)), uncheckedRatio: Self.ratio(unchecked, loops),
            bridgeRatio: Self.ratio(bridge, loops), loopTime: Self.median(loops.map(\.processorTime)),
            uncheckedTime: Self.median(unchecked.map(\.processorTime)),
            bridgeTime: Self.median(bridge.map(\.processorTime)))
    }

    private static func ratio(_ rates: [SignatureRate], _ loops: [SignatureRate]) -> Double {
        median(zip(rates, loops).map { $0.perSecond / $1.perSecond })
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }

    /// Plain C_Sign with one key, for a server that does nothing else.
    package func bareSigner(_ key: ManifestKey, threads: Int) async throws -> BareSigner {
        let hsm = try await open(key.token, lanes: 1)
        return try BareSigner(hsm: hsm, reference: try key.reference(file: settings.manifestFile), threads: threads)
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
