package import Custody
import HSMBridge

/// The token's rate for a key of the manifest, plain and through the bridge.
package struct HSMBenchmark {
    /// Signatures a second.
    package struct Figures: Sendable {
        /// Plain C_Sign loops.
        package let loop: Double
        /// Plain loops with the host's check of each signature.
        package let checkedLoop: Double
        /// The bridge's lanes, which check always.
        package let lanes: Double
    }

    private let settings: CoreSettings

    /// A benchmark of the configured token.
    package init(settings: CoreSettings) { self.settings = settings }

    /// The active signing keys of the manifest.
    package func keys() throws -> [ManifestKey] {
        try Manifest.load(settings).keys.filter { $0.purpose == .signing && $0.state == .active }
    }

    /// Measures one key with a number of threads and lanes.
    package func measure(_ key: ManifestKey, lanes: Int, for duration: Duration) async throws -> Figures {
        let hsm = try await open(key.token, lanes: lanes)
        let benchmark = SignatureBenchmark(hsm: hsm, reference: try key.reference(file: settings.manifestFile))
        let figures = Figures(
            loop: try await benchmark.loops(threads: lanes, for: duration, checking: false),
            checkedLoop: try await benchmark.loops(threads: lanes, for: duration, checking: true),
            lanes: try await benchmark.lanes(inFlight: 16, for: duration))
        _ = await hsm.shutdown()
        return figures
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
