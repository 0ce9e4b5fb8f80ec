import StrictEncoding
import Synchronization
import Testing

@testable import AuditLog

@Suite(.timeLimit(.minutes(2))) struct StrictTests {
    private static var options: AuditLogOptions {
        var options = TestLog.options()
        options.strict = true
        options.closeTimeout = .milliseconds(50)
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

    @Test func aHangingSignerLeavesNobodyWaitingAtTheEnd() async throws {
        let fixture = try TestLog()
        fixture.signer.behave(.hanging)
        let log = try fixture.open(options: Self.options)
        let waiting = Task { await code { _ = try await log.append(TestLog.entry(0)) } }
        try await eventually { fixture.signer.count == 1 }
        #expect(await code { try await log.close() } == .notSigned)
        #expect(await waiting.value == .notSigned)
        fixture.signer.behave(.good)
    }
}
