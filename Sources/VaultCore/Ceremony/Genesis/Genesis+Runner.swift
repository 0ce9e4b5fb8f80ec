package import Custody
import HSMBridge
import StrictEncoding
import Synchronization

extension Genesis {
    /// A runner that also writes the audit log; for as long as `body` takes, no core can open the log.
    package func withRunner<Answer: Sendable>(
        pass: @escaping @Sendable (CeremonyPoint) throws(CustodyError) -> Void = { _ in },
        _ body: (CeremonyRunner) async throws -> Answer
    ) async throws -> Answer {
        let recorder = CeremonyRecorder(ceremony.plan, settings: site.settings, clock: site.clock)
        let record: @Sendable (TranscriptLine) async throws -> Void = { line in
            try await recorder.record(line)
            // In force once the tokens are the custodians'.
            if line.event == .done, line.step == "hand-over" {
                try await recorder.installed(try self.ceremony.signedManifest())
            }
        }
        let runner = CeremonyRunner(
            ceremony, steps: steps,
            surroundings: .init(clock: site.clock, build: site.build, record: record, pass: pass))
        do {
            let answer = try await body(runner)
            await recorder.close()
            return answer
        } catch {
            await recorder.close()
            throw error
        }
    }
}
