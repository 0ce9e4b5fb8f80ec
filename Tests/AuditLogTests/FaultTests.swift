import Foundation
import Glibc
import StrictEncoding
import Synchronization
import Testing

@testable import AuditLog

/// System calls that fail on demand.
final class FaultSwitch: Sendable {
    enum Fault: Sendable {
        case none, journalWrite, journalSync, fileSync, noSpace, rename
    }

    private let fault = Mutex(Fault.none)
    let free = Mutex<Int64>(.max)

    func set(_ new: Fault) { fault.withLock { $0 = new } }

    private func has(_ wanted: Fault) -> Bool { fault.withLock { $0 == wanted } }

    /// The real calls, unless told otherwise.
    var operations: FileOperations {
        let real = FileOperations.system
        return FileOperations(
            write: { descriptor, bytes, offset in
                // Batches are the only writes that do not start a file.
                if offset > 0, self.has(.journalWrite) { return -Int(EIO) }
                if offset == 0, self.has(.noSpace) { return -Int(ENOSPC) }
                return real.write(descriptor, bytes, offset)
            },
            syncData: { self.has(.journalSync) ? EIO : real.syncData($0) },
            sync: { self.has(.fileSync) ? EIO : real.sync($0) },
            rename: { self.has(.rename) ? EIO : real.rename($0, $1) },
            freeBytes: { _ in self.free.withLock { $0 } })
    }
}

@Suite(.timeLimit(.minutes(10))) struct FaultTests {
    @Test(arguments: [FaultSwitch.Fault.journalWrite, .journalSync])
    func aFailedCommitFailsTheLogForGood(fault: FaultSwitch.Fault) async throws {
        let fixture = try TestLog()
        let faults = FaultSwitch()
        let log = try fixture.open(operations: faults.operations)
        _ = try await log.append(TestLog.entry(0))
        faults.set(fault)
        let codes = await withTaskGroup(of: AuditLogError.Code?.self) { group in
            for number in 1...20 {
                group.addTask { await code { _ = try await log.append(TestLog.entry(number)) } }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(codes == Array(repeating: .failed, count: 20))
        // It is never tried again, not even when the disk works again.
        faults.set(.none)
        #expect(await code { _ = try await log.append(TestLog.entry(99)) } == .failed)
        #expect(log.status.failure?.code == .failed)
        #expect(await code { try await log.close() } == .failed)
        #expect(fixture.fatal.withLock { $0.map(\.code) } == [.failed])
        #expect(log.status.size == 1)
        // What was acknowledged is there after a restart.
        let again = try fixture.open()
        #expect(try fixture.identifiers().first == "0")
        try await again.close()
    }

    @Test(arguments: [FaultSwitch.Fault.fileSync, .rename])
    func aFailureToPutTilesInPlaceFailsTheLogToo(fault: FaultSwitch.Fault) async throws {
        let fixture = try TestLog()
        let faults = FaultSwitch()
        let log = try fixture.open(options: TestLog.options(interval: .milliseconds(1)), operations: faults.operations)
        faults.set(fault)
        _ = try? await log.append(TestLog.entry(0))
        try await eventually { log.status.failure != nil }
        #expect(await code { _ = try await log.append(TestLog.entry(1)) } == .failed)
        #expect(await code { try await log.close() } == .failed)
        #expect(fixture.fatal.withLock { $0.count } == 1)
        let again = try fixture.open()
        #expect(again.status.size == 1)
        try await again.close()
        #expect(try fixture.verify().checkpoint.size == 1)
    }

    @Test func aFullDiskDelaysTilesAndLosesNothing() async throws {
        let fixture = try TestLog()
        let faults = FaultSwitch()
        let log = try fixture.open(options: TestLog.options(interval: .milliseconds(1)), operations: faults.operations)
        faults.set(.noSpace)
        try await fixture.append(300, to: log)
        try await eventually { log.status.checkpointProblem?.code == .diskFull }
        #expect(log.status.failure == nil)
        // The disk is still asked meanwhile.
        faults.free.withLock { $0 = 12_345 }
        try await eventually { log.status.diskFree == 12_345 }
        faults.set(.none)
        try await eventually { log.status.checkpoint?.size == 300 }
        try await log.close()
        #expect(try fixture.verify().checkpoint.size == 300)
    }

    @Test func directoriesThatWereMadeBeforeTheDiskWasFullAreSyncedWhenThereIsRoom() throws {
        let fixture = try TestLog()
        let layout = LogLayout(fixture.directory)
        for path in [layout.directory, layout.temporary] { try Directory(path).make() }
        let faults = FaultSwitch()
        let synced = Mutex<Set<String>>([])
        var operations = faults.operations
        operations.sync = { descriptor in
            let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")
            if let path { synced.withLock { _ = $0.insert(path) } }
            return FileOperations.system.sync(descriptor)
        }
        var files = DurableFiles(layout: layout, operations: operations)
        faults.set(.noSpace)
        let file = DurableFiles.File(path: "tile/0/x001/000", bytes: [1])
        #expect(code { try files.put([file]) } == .diskFull)
        #expect(synced.withLock { $0.isEmpty })
        faults.set(.none)
        try files.put([file])
        let wanted = ["", "/tile", "/tile/0", "/tile/0/x001"].map { layout.directory + $0 }
        #expect(synced.withLock { $0.isSuperset(of: wanted) })
    }

    @Test func withoutRoomForASegmentEntriesAreRefusedAndLaterAccepted() async throws {
        let fixture = try TestLog()
        let faults = FaultSwitch()
        let log = try fixture.open(operations: faults.operations)
        faults.set(.noSpace)
        var accepted = 0
        while await code({ _ = try await log.append(TestLog.entry(accepted)) }) == nil { accepted += 1 }
        #expect(await code { _ = try await log.append(TestLog.entry(0)) } == .diskFull)
        #expect(log.status.size == UInt64(accepted))
        faults.set(.none)
        #expect(try await log.append(TestLog.entry(accepted)).index == UInt64(accepted))
        try await log.close()
        #expect(try fixture.identifiers() == (0...accepted).map(String.init))
    }

    @Test func theReserveIsKeptForMintsAndWhatStopsThem() async throws {
        let fixture = try TestLog()
        let faults = FaultSwitch()
        var options = TestLog.options()
        options.headroom = 1600
        for (free, room) in [(Int64(1600), DiskRoom.ample), (1599, .reserve), (100, .reserve), (99, .none)] {
            faults.free.withLock { $0 = free }
            let log = try fixture.open(options: options, operations: faults.operations)
            #expect(log.status.room == room)
            #expect(log.status.diskFree == free)
            for kind in Entry.Kind.allCases {
                let refusal = await code { _ = try await log.append(Entry(kind: kind)) }
                let isRefused = room == .none || (room == .reserve && !kind.usesReserve)
                #expect(refusal == (isRefused ? .diskFull : nil), "\(kind) with \(free)")
            }
            try await log.close()
        }
    }

    @Test func aDiskThatCannotBeAskedCountsAsFull() {
        #expect(DiskRoom(free: nil, headroom: 1600) == .none)
        #expect(DiskRoom(free: nil, headroom: 0) == .ample)
    }

    @Test func theDiskIsAskedAgainWhileTheLogRuns() async throws {
        let fixture = try TestLog()
        let faults = FaultSwitch()
        var options = TestLog.options()
        options.headroom = 1600
        let log = try fixture.open(options: options, operations: faults.operations)
        faults.free.withLock { $0 = 0 }
        try await eventually { log.status.room == .none }
        faults.free.withLock { $0 = 5000 }
        try await eventually { log.status.room == .ample }
        _ = try await log.append(TestLog.entry(0, kind: .denied))
        try await log.close()
    }

    @Test func aSecondWriterThatEvadedTheLockIsNoticed() async throws {
        let fixture = try TestLog()
        try await fixture.write(1)
        let log = try fixture.open(options: TestLog.options(interval: .milliseconds(1)))
        try write(Array("somebody else's".utf8), to: fixture.directory + "/checkpoint")
        _ = try? await log.append(TestLog.entry(1))
        try await eventually { log.status.failure?.code == .failed }
        #expect(await code { try await log.close() } == .failed)
    }

    @Test func aSegmentLosesItsOldNameDurablyBeforeItIsWrittenTo() async throws {
        let fixture = try TestLog()
        let layout = LogLayout(fixture.directory)
        for path in [layout.directory, layout.journal, layout.temporary] { try Directory(path).make() }
        let events = Mutex<[String]>([])
        let system = FileOperations.system
        var operations = system
        operations.rename = { from, to in
            if to == layout.temporary + "/segment" { events.withLock { $0.append("taken") } }
            return system.rename(from, to)
        }
        operations.write = { descriptor, bytes, offset in
            events.withLock { $0.append("written") }
            return system.write(descriptor, bytes, offset)
        }
        operations.sync = { descriptor in
            let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")
            if path == layout.journal { events.withLock { $0.append("synced") } }
            return system.sync(descriptor)
        }
        let pool = SegmentPool(
            layout: layout, origin: TestSigner.origin, segmentBytes: 1 << 16, spares: [], lastSequence: 0,
            operations: operations)
        #expect(try pool.take() == 1)
        events.withLock { $0 = [] }
        try pool.recycle(1)
        #expect(events.withLock { $0 } == ["taken", "synced", "written", "synced"])
        #expect(try pool.take() == 2)
    }

    @Test func aFullDiskWhileTheJournalsTailIsReadDelaysItAndLosesNothing() async throws {
        let fixture = try TestLog()
        fixture.signer.behave(.failing)
        let log = try fixture.open()
        try await fixture.append(3000, to: log)
        #expect(await code { try await log.close() } == .notSigned)
        // As after a crash before the first tile was there.
        try FileManager.default.removeItem(atPath: fixture.directory + "/tile")
        fixture.signer.behave(.good)
        let isFull = Mutex(true)
        var operations = FileOperations.system
        operations.write = { descriptor, bytes, offset in
            let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")
            // Only tiles and bundles have numbers while they are written; there is room for segments.
            let isTile = path?.contains("/temporary/") == true && path?.hasSuffix("/segment") == false
            return isTile && isFull.withLock { $0 }
                ? -Int(ENOSPC) : FileOperations.system.write(descriptor, bytes, offset)
        }
        let again = try fixture.open(options: TestLog.options(interval: .milliseconds(1)), operations: operations)
        #expect(again.status.size == 3000)
        try await fixture.append(5, from: 3000, to: again)
        try await eventually { again.status.checkpointProblem?.code == .diskFull }
        #expect(again.status.checkpoint == nil)
        isFull.withLock { $0 = false }
        try await eventually { again.status.checkpoint?.size == 3005 }
        try await again.close()
        #expect(try fixture.identifiers().count == 3005)
        #expect(try fixture.verify().checkpoint.size == 3005)
    }
}
