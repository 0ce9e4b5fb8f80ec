package import Custody
import HSMBridge
import StrictEncoding
import Synchronization

extension Genesis {
    /// A runner that also writes the audit log; from its first line on, and until `close`, no core can open the log.
    package func runner(
        pass: @escaping @Sendable (CeremonyPoint) throws(CustodyError) -> Void = { _ in }
    ) -> CeremonyRunner {
        let recorder = recorder
        let record: @Sendable (TranscriptLine) async throws -> Void = { line in
            try await recorder.record(line)
            // In force once the tokens are the custodians'.
            if line.event == .done, line.step == ManifestSteps.handOver {
                try await recorder.installed(try self.ceremony.signedManifest())
            }
        }
        return CeremonyRunner(
            ceremony, steps: steps,
            surroundings: .init(clock: site.clock, build: site.build, record: record, pass: pass))
    }

    /// Lets the next writer of the audit log in.
    package func close() async { await recorder.close() }
}
