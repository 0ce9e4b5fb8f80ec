import Foundation
import Glibc
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

    @Test func whileAShardIsMovedAwayNobodyElseGetsIn() async throws {
        let fixture = try TestLog()
        let log = try fixture.open(options: options(fixture))
        try await fixture.append(3, to: log)
        try await eventually { log.status.checkpoint?.size == 3 }
        // As a roll-over does it: for a moment there is no directory, and no lock in it.
        try FileManager.default.moveItem(atPath: fixture.directory, toPath: fixture.directory + ".1")
        #expect(code { _ = try fixture.open(options: options(fixture)) } == .locked)
        #expect(code { try restore(fixture) } == .locked)
        try FileManager.default.removeItem(atPath: fixture.directory)
        try FileManager.default.moveItem(atPath: fixture.directory + ".1", toPath: fixture.directory)
        try await log.close()
        // A core that holds the directory alone is respected too.
        let older = try DirectoryLock(directory: fixture.directory)
        #expect(code { _ = try fixture.open(options: options(fixture)) } == .locked)
        older.release()
        try await fixture.open(options: options(fixture)).close()
    }

    private func restore(_ fixture: TestLog) throws {
        _ = try Restoration.accept(
            directory: fixture.directory, record: fixture.root + "/last-checkpoint", origin: TestSigner.origin,
            operator: "carol", reason: "a test")
    }

    @Test func aPlaceThatNoShardCanBeMovedAwayFromIsRefusedAtTheStart() async throws {
        let fixture = try TestLog()
        try FileManager.default.createDirectory(atPath: fixture.root + "/disk", withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(
            atPath: fixture.directory, withDestinationPath: fixture.root + "/disk")
        #expect(code { _ = try fixture.open() } == .badPlace)
        #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.root + "/disk").isEmpty)
        // Every Linux has these two mounted.
        for path in ["/proc", "/dev/shm"] { #expect(code { try Directory(path).checkIsMovable() } == .badPlace) }
        try Directory(fixture.root).checkIsMovable()
    }

    @Test func aShardThatCannotBeMovedGoesOnWithAWarning() async throws {
        let fixture = try TestLog()
        let isMounted = Mutex(true)
        var operations = FileOperations.system
        operations.rename = { from, to in
            let isOfShard = to.hasSuffix("/log.1") && isMounted.withLock { $0 }
            return isOfShard ? EBUSY : FileOperations.system.rename(from, to)
        }
        let log = try fixture.open(options: options(fixture), operations: operations)
        try await fixture.append(3, to: log)
        try await eventually { log.status.checkpoint?.size == 3 }
        log.rollOver()
        try await fixture.append(3, from: 3, to: log)
        #expect(log.status.shard == 1 && log.status.rollOverProblem != nil)
        #expect(fixture.fatal.withLock { $0.isEmpty })
        isMounted.withLock { $0 = false }
        try await eventually { log.status.checkpoint?.size == 7 }
        log.rollOver()
        try await eventually { log.status.shard == 2 && log.status.rollOverProblem == nil }
        try await log.close()
        _ = try SeriesVerifier(directory: fixture.directory, verifierKeys: [fixture.signer.verifierKey]).verify()
    }

    @Test func aCopyUnderTheNameOfAShardIsNamedAndEndsNothing() async throws {
        let fixture = try TestLog()
        let log = try fixture.open(options: options(fixture))
        try await fixture.append(3, to: log)
        try await eventually { log.status.checkpoint?.size == 3 }
        let stray = try fixture.copy(to: "log.20261123")
        log.rollOver()
        try await fixture.append(3, from: 3, to: log)
        #expect(log.status.shard == 1 && log.status.rollOverProblem?.path == stray)
        #expect(fixture.fatal.withLock { $0.isEmpty })
        try await log.close()
        #expect(code { _ = try fixture.open() } == .unexpectedFile)
        try FileManager.default.removeItem(atPath: stray)
        let again = try fixture.open(options: options(fixture))
        #expect(again.status.size == 6)
        again.rollOver()
        try await eventually { again.status.shard == 2 && again.status.rollOverProblem == nil }
        try await again.close()
    }

    @Test func aClosedShardBehindALinkKeepsItsNumber() async throws {
        let fixture = try TestLog()
        let log = try fixture.open(options: options(fixture))
        try await fixture.append(3, to: log)
        log.rollOver()
        try await fixture.append(3, from: 3, to: log)
        try await log.close()
        try FileManager.default.moveItem(atPath: fixture.directory + ".1", toPath: fixture.root + "/archive")
        try FileManager.default.createSymbolicLink(
            atPath: fixture.directory + ".1", withDestinationPath: fixture.root + "/archive")
        try await fixture.write(1, from: 6, options: options(fixture))
        #expect(try LogSeries(directory: fixture.directory).current() == 2)
    }
}
