import StrictEncoding
import Synchronization
import Testing

@testable import AuditLog

@Suite(.timeLimit(.minutes(10))) struct ClockTests {
    @Test func aClockThatIsBehindIsRefusedUntilSomebodyVouchesForIt() async throws {
        let fixture = try TestLog()
        let log = try fixture.open()
        try await fixture.append(1, to: log)
        fixture.time.withLock { $0 = $0.adding(seconds: -3600) }
        #expect(await code { _ = try await log.append(TestLog.entry(1)) } == .clockBehind)
        let leaf = try await log.acceptTime(operator: "SHA256:abc", reason: "the clock was ahead")
        #expect(leaf.time == UnixTime(seconds: 1_800_000_000 - 3600))
        #expect(try await log.append(TestLog.entry(2)).time == leaf.time)
        try await log.close()
        let entry = try RollbackTests.entries(fixture)[1]
        #expect(entry.kind == .logTimeAccepted)
        #expect(entry.operator == "SHA256:abc")
        #expect(entry.detail == ["last_leaf": "2027-01-15T08:00:00.000Z"])
        // It holds across a restart.
        try await fixture.write(1, from: 3)
    }

    @Test func aForwardJumpIsRefusedUntilSomebodyVouchesForIt() async throws {
        let fixture = try TestLog()
        var options = TestLog.options()
        options.maximumClockJump = .seconds(3600)
        let log = try fixture.open(options: options)
        try await fixture.append(1, to: log)
        fixture.time.withLock { $0 = $0.adding(seconds: 3000) }
        try await fixture.append(1, from: 1, to: log)
        fixture.time.withLock { $0 = $0.adding(seconds: 4000) }
        for _ in 0..<2 { #expect(await code { _ = try await log.append(TestLog.entry(2)) } == .clockAhead) }
        // Back where it was, nothing has happened.
        fixture.time.withLock { $0 = $0.adding(seconds: -4000) }
        try await fixture.append(1, from: 2, to: log)
        fixture.time.withLock { $0 = $0.adding(seconds: 4000) }
        _ = try await log.acceptTime(operator: "SHA256:abc", reason: "the machine was paused")
        #expect(try await log.append(TestLog.entry(3)).time == UnixTime(seconds: 1_800_007_000))
        try await log.close()
        #expect(try fixture.verify().checkpoint.size == 5)
    }
}
