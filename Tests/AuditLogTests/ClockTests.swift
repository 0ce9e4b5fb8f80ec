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

    @Test func aForwardJumpBeyondAShardsAgeBeginsNoShardAndIsRefusedAsEver() async throws {
        let fixture = try TestLog()
        var options = TestLog.options(interval: .milliseconds(1))
        options.maximumClockJump = .seconds(3600)
        options.shardAge = 86_400
        let log = try fixture.open(options: options)
        try await fixture.append(1, to: log)
        fixture.time.withLock { $0 = $0.adding(seconds: 200_000) }
        // The log looks once a second whether a shard is due.
        let started = ContinuousClock.now
        while ContinuousClock.now - started < .milliseconds(2500) {
            #expect(await code { _ = try await log.append(TestLog.entry(1)) } == .clockAhead)
            try await Task.sleep(for: .milliseconds(20))
        }
        // Nor does a roll-over that somebody wants make the clock a good one.
        log.rollOver()
        for _ in 0..<20 { #expect(await code { _ = try await log.append(TestLog.entry(1)) } == .clockAhead) }
        #expect(log.status.shard == 1)
        fixture.time.withLock { $0 = $0.adding(seconds: -200_000) }
        try await fixture.append(1, from: 1, to: log)
        #expect(fixture.fatal.withLock { $0.isEmpty })
        try await log.close()
    }

    @Test("a shard's first entry is not before the last one of the shard before", arguments: [true, false])
    func backwards(inOneRun: Bool) async throws {
        let fixture = try TestLog()
        let last = fixture.time.withLock { $0 }
        var options = TestLog.options(interval: .milliseconds(1))
        options.lastCheckpointFile = fixture.root + "/last-checkpoint"
        let back: @Sendable () -> Void = { fixture.time.withLock { $0 = last.adding(seconds: -3600) } }
        var operations = FileOperations.system
        operations.rename = { from, to in
            if to.hasSuffix("/log.1") { back() }
            return FileOperations.system.rename(from, to)
        }
        var log = try fixture.open(options: options, operations: operations)
        try await fixture.append(3, to: log)
        try await eventually { log.status.checkpoint?.size == 3 }
        if inOneRun {
            log.rollOver()
            try await eventually { log.status.shard == 2 }
        } else {
            // As a crash between the two leaves it.
            try await log.close()
            #expect(operations.rename(fixture.directory, fixture.directory + ".1") == 0)
            log = try fixture.open(options: options)
        }
        #expect(log.status.shard == 2 && log.status.lastTime == last)
        #expect(await code { _ = try await log.append(TestLog.entry(3)) } == .clockBehind)
        fixture.time.withLock { $0 = last }
        try await fixture.append(1, from: 3, to: log)
        #expect(fixture.fatal.withLock { $0.isEmpty })
        try await log.close()
    }
}
