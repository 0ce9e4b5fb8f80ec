import Foundation
import StrictEncoding
import Synchronization
import Testing

@testable import AuditLog

@Suite(.timeLimit(.minutes(10))) struct ShardTests {
    private func options(_ fixture: TestLog, entries: UInt64? = nil, age: Int64? = nil) -> AuditLogOptions {
        var options = TestLog.options(interval: .milliseconds(1))
        options.lastCheckpointFile = fixture.root + "/last-checkpoint"
        options.shardEntries = entries
        options.shardAge = age
        return options
    }

    @Test func aFullShardGivesWayToTheNextAndNoEntryIsLost() async throws {
        let fixture = try TestLog()
        let log = try fixture.open(options: options(fixture))
        for shard in 1...3 {
            async let appended = fixture.append(400, from: shard * 1000, to: log)
            log.rollOver()
            #expect(try await appended.count == 400)
            try await eventually { log.status.shard == UInt64(shard) + 1 }
        }
        try await log.close()
        let series = LogSeries(directory: fixture.directory)
        #expect(try series.shards().map(\.number) == [1, 2, 3, 4])
        var found: Set<String> = []
        try series.forEach { (_, _, bytes) throws(AuditLogError) in
            if let jti = try Entry(jsonBytes: bytes).jti { found.insert(jti) }
        }
        #expect(found.count == 1200)
        var previous: Checkpoint?
        for shard in try series.shards() {
            let key = try fixture.signer.verifierKey.named(LogSeries.origin(TestSigner.origin, shard.number))
            let report = try LogVerifier.verify(directory: shard.directory, verifierKeys: [key])
            let entries = try RollbackTests.entries(fixture, shard.directory)
            if let previous {
                #expect(entries.first?.kind == .logShardOpened)
                #expect(entries.first?.detail == Checkpoint.detail(previous))
            }
            if shard.number < 4 { #expect(entries.last?.kind == .logShardClosed) }
            previous = report.checkpoint
        }
        let keys = try String(decoding: read(fixture.directory + ".vkey"), as: UTF8.self).split(separator: "\n")
        #expect(keys.count == 4)
    }

    @Test func sizeOrAgeMakesAShardFull() async throws {
        let fixture = try TestLog()
        let log = try fixture.open(options: options(fixture, entries: 100))
        try await fixture.append(100, to: log)
        try await eventually { log.status.shard == 2 }
        try await log.close()
        let aged = try fixture.open(options: options(fixture, age: 3600))
        try await fixture.append(3, to: aged)
        try await Task.sleep(for: .milliseconds(1200))
        #expect(aged.status.shard == 2)
        fixture.time.withLock { $0 = $0.adding(seconds: 3601) }
        try await eventually { aged.status.shard == 3 }
        try await aged.close()
    }

    @Test func aShardWithoutFinalCheckpointIsNotClosed() async throws {
        let fixture = try TestLog()
        let log = try fixture.open(options: options(fixture))
        try await fixture.append(3, to: log)
        try await eventually { log.status.checkpoint?.size == 3 }
        fixture.signer.behave(.failing)
        log.rollOver()
        // The same shard goes on, with what came meanwhile.
        try await fixture.append(3, from: 3, to: log)
        #expect(log.status.shard == 1)
        #expect(try LogSeries(directory: fixture.directory).closed().isEmpty)
        fixture.signer.behave(.good)
        try await eventually { log.status.checkpoint?.size == 7 }
        log.rollOver()
        try await eventually { log.status.shard == 2 }
        try await log.close()
    }

    @Test func aCrashBetweenTwoShardsIsMended() async throws {
        let fixture = try TestLog()
        try await fixture.write(5, options: options(fixture))
        // As a crash after the closed shard was set aside leaves it.
        try FileManager.default.moveItem(atPath: fixture.directory, toPath: fixture.directory + ".1")
        try await fixture.write(2, from: 5, options: options(fixture))
        let entries = try RollbackTests.entries(fixture)
        #expect(entries.map(\.kind) == [.logShardOpened, .mint, .mint])
        #expect(entries[0].detail?["previous_size"] == "5")
        // As a crash before the first checkpoint of the new one leaves it.
        try FileManager.default.removeItem(atPath: fixture.directory)
        try write(read(fixture.directory + ".1/checkpoint"), to: fixture.root + "/last-checkpoint")
        try await fixture.write(1, options: options(fixture))
        #expect(try RollbackTests.entries(fixture).map(\.kind) == [.logShardOpened, .mint])
    }

    @Test func aShardThatIsTakenAwayIsNoticed() async throws {
        let fixture = try TestLog()
        let log = try fixture.open(options: options(fixture))
        try await fixture.append(3, to: log)
        log.rollOver()
        try await fixture.append(3, from: 3, to: log)
        try await log.close()
        // Back to the end of the first shard.
        try FileManager.default.removeItem(atPath: fixture.directory)
        try FileManager.default.moveItem(atPath: fixture.directory + ".1", toPath: fixture.directory)
        #expect(code { _ = try fixture.open(options: options(fixture)) } == .rolledBack)
    }
}
