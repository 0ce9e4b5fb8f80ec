import Synchronization
import Testing

@testable import AuditLog

/// Several tokens, each with a checkpoint key of its own.
@Suite(.timeLimit(.minutes(10))) struct CoSigningTests {
    private func open(
        _ fixture: TestLog, _ signers: CheckpointSigners, patience: Duration = .milliseconds(20)
    ) throws -> AuditLog {
        var options = TestLog.options(interval: .milliseconds(1))
        options.coSigningPatience = patience
        return try AuditLog.open(
            directory: fixture.directory, origin: TestSigner.origin, signers: signers,
            clock: { fixture.time.withLock { $0 } }, options: options, onFatal: { _ in })
    }

    @Test func everyKeySignsAndAnyOneOfThemVerifies() async throws {
        let fixture = try TestLog()
        let second = try TestSigner()
        let log = try open(fixture, CheckpointSigners([fixture.signer, second]), patience: .seconds(90))
        try await fixture.append(3, to: log)
        try await log.close()
        #expect(log.status.signerProblems.isEmpty)
        for signer in [fixture.signer, second] {
            let report = try LogVerifier.verify(directory: fixture.directory, verifierKeys: [signer.verifierKey])
            #expect(report.signers == [signer.verifierKey])
        }
        let both = [fixture.signer.verifierKey, second.verifierKey]
        #expect(try LogVerifier.verify(directory: fixture.directory, verifierKeys: both).signers == both)
    }

    @Test(arguments: [TestSigner.Behaviour.failing, .wrong, .hanging])
    func oneKeyIsEnoughAndTheOtherIsNamed(behaviour: TestSigner.Behaviour) async throws {
        let fixture = try TestLog()
        let second = try TestSigner()
        second.behave(behaviour)
        let log = try open(fixture, CheckpointSigners([fixture.signer, second]))
        try await fixture.append(3, to: log)
        try await eventually { log.status.checkpoint?.size == 3 }
        try await fixture.append(3, from: 3, to: log)
        try await eventually { log.status.checkpoint?.size == 6 && log.status.signerProblems.count == 1 }
        #expect(log.status.signerProblems[0].hasPrefix("checkpoint key \(second.verifierKey.shortID): "))
        #expect(log.status.checkpointProblem == nil)
        // It signs again as soon as it can.
        second.behave(.good)
        try await eventually {
            Task { try? await log.append(TestLog.entry(99)) }
            return log.status.signerProblems.isEmpty
        }
        try await log.close()
        #expect(try fixture.verify().checkpoint.size == log.status.size)
    }

    @Test func withoutAnyKeyEntriesAreKeptAndTheFirstCheckpointCoversThem() async throws {
        let fixture = try TestLog()
        let signers = CheckpointSigners([], trusted: [fixture.signer.verifierKey])
        let log = try open(fixture, signers)
        try await fixture.append(300, to: log)
        try await Task.sleep(for: .milliseconds(10))
        #expect(log.status.checkpoint == nil)
        signers.replace(with: [fixture.signer])
        try await eventually { log.status.checkpoint?.size == 300 }
        try await log.close()
        #expect(try fixture.verify().checkpoint.size == 300)
    }

    @Test func aRetiredKeyStillCountsForWhatItHasSignedAndAStrangersDoesNot() async throws {
        let fixture = try TestLog()
        try await fixture.write(3)
        let next = try TestSigner()
        #expect(code { _ = try open(fixture, CheckpointSigners([next])) } == .badSignature)
        let log = try open(fixture, CheckpointSigners([next], trusted: [fixture.signer.verifierKey]))
        try await fixture.append(1, from: 3, to: log)
        try await log.close()
        #expect(code { _ = try fixture.verify() } == .badSignature)
        #expect(
            try LogVerifier.verify(directory: fixture.directory, verifierKeys: [next.verifierKey]).checkpoint.size == 4)
        let keys = try String(decoding: read(fixture.directory + ".vkey"), as: UTF8.self).split(separator: "\n")
        #expect(keys.map(String.init) == [next.verifierKey, fixture.signer.verifierKey].map(\.description))
    }
}
