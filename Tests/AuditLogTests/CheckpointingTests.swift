import StrictEncoding
import Synchronization
import Testing

@testable import AuditLog

@Suite(.timeLimit(.minutes(10))) struct CheckpointingTests {
    @Test func checkpointsFollowTheEntries() async throws {
        let fixture = try TestLog()
        let log = try fixture.open(options: TestLog.options(interval: .milliseconds(1)))
        for size in [1, 255, 256, 257, 600] {
            try await fixture.append(size - Int(log.status.size), from: Int(log.status.size), to: log)
            try await eventually { log.status.checkpoint?.size == UInt64(size) }
            #expect(try fixture.verify().checkpoint == log.status.checkpoint)
            #expect(log.status.checkpointTime == fixture.time.withLock { $0 })
        }
        // Partial ones that a full one has replaced are gone.
        let files = try TestLog.files(in: fixture.directory)
        #expect(!files.contains { $0.hasPrefix("tile/0/000.p/") || $0.hasPrefix("tile/entries/001.p/") })
        try await log.close()
    }

    @Test func withoutNewLeavesNothingIsSigned() async throws {
        let fixture = try TestLog()
        try await fixture.write(1)
        let log = try fixture.open(options: TestLog.options(interval: .milliseconds(1)))
        try await Task.sleep(for: .milliseconds(30))
        try await log.close()
        #expect(fixture.signer.count == 1)
    }

    @Test func aFailingSignerMakesTheCheckpointStaleButLosesNothing() async throws {
        let fixture = try TestLog()
        fixture.signer.behave(.failing)
        let log = try fixture.open(options: TestLog.options(interval: .milliseconds(1)))
        try await fixture.append(600, to: log)
        try await eventually { log.status.isCheckpointStale && log.status.checkpointProblem?.code == .notSigned }
        #expect(log.status.checkpoint == nil)
        #expect(log.status.failure == nil)
        fixture.signer.behave(.good)
        try await eventually { log.status.checkpoint?.size == 600 }
        #expect(!log.status.isCheckpointStale)
        #expect(log.status.checkpointProblem == nil)
        try await log.close()
        #expect(try fixture.verify().checkpoint.size == 600)
    }

    @Test func aWrongSignatureIsNeverPublished() async throws {
        let fixture = try TestLog()
        fixture.signer.behave(.wrong)
        let log = try fixture.open(options: TestLog.options(interval: .milliseconds(1)))
        try await fixture.append(1, to: log)
        try await eventually { log.status.checkpointProblem?.code == .notSigned }
        #expect(code { _ = try fixture.verify() } == .missingFile)
        #expect(await code { try await log.close() } == .notSigned)
    }

    @Test func aHangingSignerHoldsUpNeitherEntriesNorTheEnd() async throws {
        let fixture = try TestLog()
        fixture.signer.behave(.hanging)
        var options = TestLog.options(interval: .milliseconds(1))
        options.closeTimeout = .milliseconds(20)
        let log = try fixture.open(options: options)
        try await fixture.append(300, to: log)
        try await eventually { log.status.isCheckpointStale }
        try await fixture.append(300, from: 300, to: log)
        #expect(await code { try await log.close() } == .notSigned)
        fixture.signer.behave(.good)
        // Full tiles are there without a checkpoint; the next start makes the checkpoint.
        let again = try fixture.open()
        #expect(again.status.size == 600)
        try await again.close()
        #expect(try fixture.verify().checkpoint.size == 600)
    }

    @Test func aSlowSignerIsAskedMoreRarely() async throws {
        let fixture = try TestLog()
        var options = TestLog.options(interval: .milliseconds(1))
        options.signerShare = AuditLogOptions().signerShare
        let log = try fixture.open(options: options)
        for size in 1...SignerPace.window {
            try await checkpoint(size, takes: .milliseconds(20), of: log, fixture)
        }
        let latency = log.status.signatureLatency
        #expect(latency >= .milliseconds(20))
        #expect(log.status.checkpointInterval == latency * 40)
        try await log.close()
    }

    @Test func oneSignatureThatWasHeldUpMakesNoCheckpointRare() async throws {
        let fixture = try TestLog()
        var options = TestLog.options(interval: .milliseconds(1))
        options.signerShare = 1_000_000
        let log = try fixture.open(options: options)
        // A million times twenty milliseconds would be five hours.
        try await checkpoint(1, takes: .milliseconds(20), of: log, fixture)
        #expect(log.status.checkpointInterval == .milliseconds(1))
        try await fixture.append(1, from: 1, to: log)
        try await eventually { log.status.checkpoint?.size == 2 }
        try await log.close()
    }

    /// Appends one entry; the signature of the checkpoint that covers it takes at least so long.
    private func checkpoint(_ size: Int, takes: Duration, of log: AuditLog, _ fixture: TestLog) async throws {
        fixture.signer.behave(.hanging)
        try await fixture.append(1, from: size - 1, to: log)
        try await eventually { fixture.signer.count == size }
        try await Task.sleep(for: takes)
        fixture.signer.behave(.good)
        try await eventually { log.status.checkpoint?.size == UInt64(size) }
    }

    @Test func anEmptyLogHasNoCheckpoint() async throws {
        let fixture = try TestLog()
        let log = try fixture.open()
        try await log.close()
        #expect(fixture.signer.count == 0)
        #expect(code { _ = try fixture.verify() } == .missingFile)
        let again = try fixture.open()
        #expect(again.status.size == 0)
        try await again.close()
    }

    @Test func withoutCheckpointsForLongNothingIsReleasedUntilThereIsOneAgain() async throws {
        let fixture = try TestLog()
        fixture.signer.behave(.failing)
        var options = TestLog.options(interval: .milliseconds(1))
        options.checkpointPatience = .milliseconds(100)
        let log = try fixture.open(options: options)
        _ = try? await log.append(TestLog.entry(0))
        try await eventually { log.status.isCheckpointOverdue }
        #expect(log.isCheckpointOverdue)
        for kind in Entry.Kind.allCases {
            let refusal = await code { _ = try await log.append(Entry(kind: kind)) }
            let isRefused = [.mint, .brokerIntent, .secretOpened].contains(kind)
            #expect(refusal == (isRefused ? .notSigned : nil), "\(kind)")
        }
        fixture.signer.behave(.good)
        try await eventually { !log.status.isCheckpointOverdue }
        _ = try await log.append(TestLog.entry(1))
        try await log.close()
    }

    @Test func aLogThatNobodySignsYetWaitsForNoCheckpoint() async throws {
        let fixture = try TestLog()
        let signers = CheckpointSigners([], trusted: [fixture.signer.verifierKey])
        var options = TestLog.options(interval: .milliseconds(1))
        options.checkpointPatience = .milliseconds(3500)
        let log = try AuditLog.open(
            directory: fixture.directory, origin: TestSigner.origin, signers: signers,
            clock: { fixture.time.withLock { $0 } }, options: options, onFatal: { _ in })
        _ = try await log.append(TestLog.entry(0, kind: .adminCoreStarted))
        // Much longer than the patience; then a key comes, which has all of the patience to itself.
        for _ in 0..<100 {
            try await Task.sleep(for: .milliseconds(50))
            #expect(!log.isCheckpointOverdue)
        }
        fixture.signer.behave(.hanging)
        signers.replace(with: [fixture.signer])
        #expect(!log.isCheckpointOverdue)
        try await eventually { log.isCheckpointOverdue }
        fixture.signer.behave(.good)
        try await eventually { !log.isCheckpointOverdue }
        try await log.close()
    }
}
