import StrictEncoding
import Synchronization
import Testing

@testable import AuditLog

@Suite(.timeLimit(.minutes(10))) struct StrictTests {
    private static var options: AuditLogOptions {
        var options = TestLog.options()
        options.strict = true
        return options
    }

    @Test func aMintIsRecordedOnlyWhenACheckpointCoversIt() async throws {
        let fixture = try TestLog()
        let log = try fixture.open(options: Self.options)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<600 {
                group.addTask {
                    let leaf = try await log.append(TestLog.entry(number))
                    let covered = try Checkpoint(
                        text: SignedNote(parsing: read(fixture.directory + "/checkpoint")).text)
                    #expect(covered.size > leaf.index)
                }
            }
            try await group.waitForAll()
        }
        try await log.close()
        #expect(try fixture.verify().checkpoint.size == 600)
    }

    @Test func withoutASignatureNothingIsReleasedButWhatReleasesNothingIsRecorded() async throws {
        let fixture = try TestLog()
        fixture.signer.behave(.failing)
        let log = try fixture.open(options: Self.options)
        #expect(await code { _ = try await log.append(TestLog.entry(0)) } == .notSigned)
        #expect(try await log.append(TestLog.entry(1, kind: .denied)).index == 1)
        fixture.signer.behave(.good)
        #expect(try await log.append(TestLog.entry(2)).index == 2)
        try await log.close()
    }

    private static func error(_ log: AuditLog, _ entry: Entry) async -> AuditLogError? {
        do throws(AuditLogError) {
            _ = try await log.append(entry)
            return nil
        } catch {
            return error
        }
    }

    @Test func withoutAnyKeyAMintIsRefusedAtOnceAndItsLeafIsNamed() async throws {
        let fixture = try TestLog()
        let signers = CheckpointSigners([fixture.signer])
        var options = Self.options
        options.strictPatience = .seconds(3600)
        let log = try AuditLog.open(
            directory: fixture.directory, origin: TestSigner.origin, signers: signers,
            clock: { fixture.time.withLock { $0 } }, options: options, onFatal: { _ in })
        _ = try await log.append(TestLog.entry(0))
        signers.replace(with: [])
        for number in 1...3 {
            let error = await Self.error(log, TestLog.entry(number))
            #expect(error?.code == .notSigned && error?.leaf == UInt64(number))
        }
        #expect(try await log.append(TestLog.entry(4, kind: .mintAborted)).index == 4)
        signers.replace(with: [fixture.signer])
        #expect(try await log.append(TestLog.entry(5)).index == 5)
        try await log.close()
    }

    @Test func aSignerThatHangsIsNotWaitedForLongerThanACallerMay() async throws {
        let fixture = try TestLog()
        fixture.signer.behave(.hanging)
        var options = Self.options
        options.strictPatience = .milliseconds(20)
        let log = try fixture.open(options: options)
        let error = await Self.error(log, TestLog.entry(0))
        #expect(error?.code == .notSigned && error?.leaf == 0)
        fixture.signer.behave(.good)
        try await log.close()
    }

    @Test func whatWasNeverWrittenNamesNoLeaf() async throws {
        let fixture = try TestLog()
        let log = try fixture.open(options: Self.options)
        try await log.close()
        let error = await Self.error(log, TestLog.entry(0))
        #expect(error?.code == .closed && error?.leaf == nil)
    }

    @Test func aHangingSignerLeavesNobodyWaitingAtTheEnd() async throws {
        let fixture = try TestLog()
        fixture.signer.behave(.hanging)
        var options = Self.options
        options.closeTimeout = .milliseconds(50)
        let log = try fixture.open(options: options)
        let waiting = Task { await code { _ = try await log.append(TestLog.entry(0)) } }
        try await eventually { fixture.signer.count == 1 }
        #expect(await code { try await log.close() } == .notSigned)
        #expect(await waiting.value == .notSigned)
        fixture.signer.behave(.good)
    }
}
