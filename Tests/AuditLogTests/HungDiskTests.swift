import Dispatch
import Foundation
import Synchronization
import Testing

@testable import AuditLog

/// A disk that does not answer for a while: shown, and given nothing afterwards that nobody waits for any more.
@Suite(.timeLimit(.minutes(10))) struct HungDiskTests {
    /// Calls that wait while the gate is shut.
    private final class Gate: Sendable {
        private let isShut = Mutex(false)
        private let waiting = Mutex(0)

        func shut() { isShut.withLock { $0 = true } }
        func open() { isShut.withLock { $0 = false } }
        var count: Int { waiting.withLock { $0 } }

        func pass() {
            waiting.withLock { $0 += 1 }
            while isShut.withLock({ $0 }) { usleep(1000) }
            waiting.withLock { $0 -= 1 }
        }
    }

    @Test func aSyncThatHangsIsShownAndWhatNobodyWaitsForIsNotWrittenAfterwards() async throws {
        let (fixture, gate) = (try TestLog(), Gate())
        var operations = FileOperations.system
        operations.syncData = { descriptor in
            gate.pass()
            return FileOperations.system.syncData(descriptor)
        }
        let log = try fixture.open(operations: operations)
        _ = try await log.append(TestLog.entry(0), by: .now + .seconds(60))
        gate.shut()
        let began = ContinuousClock.now
        let first = Task {
            await withCheckedContinuation { continuation in
                log.append(TestLog.entry(1), by: .now + .seconds(2)) { continuation.resume(returning: $0) }
            }
        }
        try await eventually { gate.count == 1 }
        let others = Mutex<[Result<Leaf, AuditLogError>]>([])
        for number in 2..<300 {
            log.append(TestLog.entry(number), by: .now + .milliseconds(10)) { one in others.withLock { $0.append(one) }
            }
        }
        async let patient = log.append(TestLog.entry(300), by: .now + .seconds(60))
        async let last = log.append(TestLog.entry(301, kind: .denied))
        let wait = log.status.diskWait
        #expect(wait == nil || ContinuousClock.now - began > .seconds(3), "it is shown once it is worth a look")
        try await eventually { log.status.diskWait ?? .zero > .seconds(3) }
        try await eventually { log.status.pending == 300 }
        gate.open()
        // It was being written: it is in the log, and whoever it was for is told that it came too late.
        let error = await #expect(throws: AuditLogError(.late, "")) { try await first.value.get() }
        #expect(error?.leaf == 1)
        let indices = [try await patient.index, try await last.index].sorted()
        #expect(indices == [2, 3])
        try await eventually { others.withLock { $0.count } == 298 }
        let codes = others.withLock {
            $0.map { result -> AuditLogError.Code? in
                if case .failure(let error) = result { error.code } else { nil }
            }
        }
        #expect(codes == Array(repeating: .late, count: 298))
        #expect(log.status.diskWait == nil && log.status.size == 4)
        try await log.close()
        #expect(try Set(fixture.identifiers()) == ["0", "1", "300", "301"])
    }

    @Test func aSpareSegmentIsHadWhileAnotherOneIsWorkedOn() async throws {
        let (fixture, gate) = (try TestLog(), Gate())
        let layout = LogLayout(fixture.directory)
        for path in [layout.directory, layout.journal, layout.temporary] { try Directory(path).make() }
        var operations = FileOperations.system
        operations.rename = { from, to in
            gate.pass()
            return FileOperations.system.rename(from, to)
        }
        let pool = SegmentPool(
            layout: layout, origin: TestSigner.origin, segmentBytes: 1 << 16, spares: [], lastSequence: 0,
            operations: operations)
        try pool.replenish()
        gate.shut()
        let isDone = DispatchSemaphore(value: 0)
        try WorkerThread.start {
            try? pool.recycle(99)
            isDone.signal()
        }
        try await eventually { gate.count == 1 }
        #expect(try pool.take() == 1)
        gate.open()
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                isDone.wait()
                continuation.resume()
            }
        }
        // Without a spare one the next is made.
        #expect(try pool.take() == 2)
        try pool.replenish()
        try pool.recycle(1)
        #expect(try [pool.take(), pool.take(), pool.take()] == [3, 4, 5])
    }
}
