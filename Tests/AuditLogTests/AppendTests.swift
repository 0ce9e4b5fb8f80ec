import Glibc
import StrictEncoding
import Synchronization
import Testing

@testable import AuditLog

@Suite(.timeLimit(.minutes(10))) struct AppendTests {
    @Test func concurrentAppendsGetUniqueIndexesAndAreOnDiskWhenTheyReturn() async throws {
        let fixture = try TestLog()
        let log = try fixture.open()
        let leaves = try await withThrowingTaskGroup(of: (String, Leaf).self) { group in
            for number in 0..<500 {
                group.addTask {
                    let leaf = try await log.append(TestLog.entry(number))
                    // What is acknowledged must be readable from the directory alone.
                    if number % 50 == 0 { #expect(try fixture.identifiers().contains(String(number))) }
                    return (String(number), leaf)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(leaves.map(\.1.index)) == Set(0..<500))
        let stored = try fixture.identifiers()
        for (identifier, leaf) in leaves { #expect(stored[Int(leaf.index)] == identifier) }
        #expect(log.status.size == 500)
        try await log.close()
    }

    @Test func aLeafIsTheHashOfTheStoredEntryWithItsTime() async throws {
        let fixture = try TestLog()
        let log = try fixture.open()
        let leaf = try await log.append(TestLog.entry(7))
        var expected = TestLog.entry(7)
        expected.time = UnixTime(seconds: 1_800_000_000)
        #expect(leaf.hash == MerkleHash.leaf(expected.canonicalBytes[...]).bytes)
        #expect(leaf.time == expected.time)
        try await log.close()
    }

    @Test func timeNeverRunsBackwardsAndAClockFarBehindIsRefused() async throws {
        let fixture = try TestLog()
        let log = try fixture.open()
        let first = try await log.append(TestLog.entry(0))
        fixture.time.withLock { $0 = UnixTime(milliseconds: first.time.milliseconds - 1000) }
        #expect(try await log.append(TestLog.entry(1)).time == first.time)
        fixture.time.withLock { $0 = UnixTime(milliseconds: first.time.milliseconds - 1001) }
        #expect(await code { _ = try await log.append(TestLog.entry(2)) } == .clockBehind)
        try await log.close()
        // The bound survives a restart.
        let again = try fixture.open()
        #expect(await code { _ = try await again.append(TestLog.entry(3)) } == .clockBehind)
        fixture.time.withLock { $0 = first.time }
        #expect(try await again.append(TestLog.entry(4)).index == 2)
        try await again.close()
    }

    @Test func anEntryOutOfBoundsIsRefusedAndLeavesNoTrace() async throws {
        let fixture = try TestLog()
        let log = try fixture.open()
        var entry = TestLog.entry(0)
        entry.reason = "two\nlines"
        #expect(await code { _ = try await log.append(entry) } == .invalidEntry)
        #expect(log.status.size == 0)
        try await log.close()
    }

    @Test func aFullQueueRefusesInsteadOfWaiting() async throws {
        let fixture = try TestLog()
        let gate = Gate()
        var operations = FileOperations.system
        operations.syncData = { _ in
            gate.pass()
            return 0
        }
        var options = TestLog.options()
        options.queueCapacity = 8
        let log = try fixture.open(options: options, operations: operations)
        gate.close()
        let results = Mutex<[Result<Leaf, AuditLogError>]>([])
        log.append(TestLog.entry(0)) { result in results.withLock { $0.append(result) } }
        try await eventually { gate.isWaitedAt }
        for number in 1...9 { log.append(TestLog.entry(number)) { result in results.withLock { $0.append(result) } } }
        #expect(results.withLock { $0.map { result in code { _ = try result.get() } } } == [.saturated])
        #expect(log.status.pending == 8)
        gate.open()
        try await eventually { results.withLock { $0.count == 10 } }
        #expect(log.status.size == 9)
        // Nine entries took two syncs: one for the first, one for all that waited.
        #expect(log.status.leavesPerSync > 1)
        try await log.close()
    }

    @Test func aClosedLogRefuses() async throws {
        let fixture = try TestLog()
        let log = try fixture.open()
        try await log.close()
        #expect(await code { _ = try await log.append(TestLog.entry(0)) } == .closed)
    }

    @Test func aSecondWriterIsRefusedUntilTheFirstHasClosed() async throws {
        let fixture = try TestLog()
        let log = try fixture.open()
        #expect(code { _ = try fixture.open() } == .locked)
        try await log.close()
        try await fixture.open().close()
    }

    @Test func theLargestEntryFitsTheSmallestSegment() async throws {
        let fixture = try TestLog()
        let log = try fixture.open()
        var entry = Entry(kind: .mint)
        entry.locations = Array(repeating: String(repeating: "x", count: 2032), count: 16)
        entry.jti = String(repeating: "y", count: Entry.maximumBytes - (try entry.prepared().bytes.count) - 9)
        #expect(try entry.prepared().bytes.count == Entry.maximumBytes)
        let largest = entry
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 { group.addTask { _ = try await log.append(largest) } }
            try await group.waitForAll()
        }
        try await log.close()
        #expect(try fixture.verify().checkpoint.size == 20)
    }
}

/// Holds back whoever passes while it is closed.
final class Gate: Sendable {
    private let state = Mutex((isClosed: false, waiting: 0))

    var isWaitedAt: Bool { state.withLock { $0.waiting > 0 } }

    func close() { state.withLock { $0.isClosed = true } }
    func open() { state.withLock { $0.isClosed = false } }

    func pass() {
        state.withLock { $0.waiting += 1 }
        while state.withLock({ $0.isClosed }) { usleep(500) }
        state.withLock { $0.waiting -= 1 }
    }
}
