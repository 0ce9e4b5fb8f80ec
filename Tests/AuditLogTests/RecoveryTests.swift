import Foundation
import StrictEncoding
import Synchronization
import Testing

@testable import AuditLog

@Suite(.timeLimit(.minutes(10))) struct RecoveryTests {
    /// Entries of 60 bytes or so, each in a batch of its own; no checkpoint.
    private func openWithTail(_ count: Int, _ fixture: TestLog) async throws -> AuditLog {
        let log = try fixture.open()
        for number in 0..<count { _ = try await log.append(TestLog.entry(number)) }
        return log
    }

    @Test func aLogGoesOnAfterACleanClose() async throws {
        let fixture = try TestLog()
        try await fixture.write(300)
        let log = try fixture.open()
        #expect(log.status.size == 300)
        #expect(log.status.checkpoint?.size == 300)
        #expect(try await log.append(TestLog.entry(300)).index == 300)
        try await log.close()
        #expect(Set(try fixture.identifiers()) == Set((0...300).map(String.init)))
        #expect(try fixture.verify().checkpoint.size == 301)
    }

    @Test func aLogThatWasKilledKeepsEveryAcknowledgedEntry() async throws {
        let fixture = try TestLog()
        let log = try fixture.open(options: TestLog.options(interval: .milliseconds(5)))
        var copies: [(path: String, acknowledged: [String])] = []
        for round in 0..<8 {
            try await fixture.append(100, from: round * 100, to: log)
            let acknowledged = try fixture.identifiers()
            copies.append((try copyWhileWriting(fixture), acknowledged))
        }
        try await log.close()
        for copy in copies {
            let again = try fixture.open(copy.path)
            #expect(try await again.append(TestLog.entry(9999)).index >= UInt64(copy.acknowledged.count))
            try await again.close()
            #expect(try Array(fixture.identifiers(copy.path).prefix(copy.acknowledged.count)) == copy.acknowledged)
            #expect(try fixture.verify(copy.path).journalTail == 0)
        }
    }

    /// A copy is not a snapshot: the publisher may rename files under it.
    ///
    /// Then it is tried again.
    private func copyWhileWriting(_ fixture: TestLog) throws -> String {
        while true {
            let name = UUID().uuidString
            let before = try? read(fixture.directory + "/checkpoint")
            if let copy = try? fixture.copy(to: name), (try? read(fixture.directory + "/checkpoint")) == before {
                return copy
            }
        }
    }

    @Test func aTornLastRecordIsLostAloneWhereverItWasCut() async throws {
        let fixture = try TestLog()
        let log = try await openWithTail(3, fixture)
        let segment = try read(fixture.directory + "/journal/1")
        let last = try #require(SegmentScan(segment, sequence: 1, expected: 0).records.last)
        let start = last.entry.lowerBound - JournalRecord.headerBytes
        for cut in start..<last.entry.upperBound {
            let copy = try fixture.copy()
            try write(Array(segment[..<cut]), to: copy + "/journal/1")
            try await expectGoesOn(fixture, copy, with: ["0", "1", "next"])
        }
        // Beyond the record there is nothing to lose.
        let copy = try fixture.copy()
        try write(Array(segment[..<last.entry.upperBound]), to: copy + "/journal/1")
        try await expectGoesOn(fixture, copy, with: ["0", "1", "2", "next"])
        try await log.close()
    }

    private func expectGoesOn(_ fixture: TestLog, _ copy: String, with expected: [String]) async throws {
        let again = try fixture.open(copy)
        var entry = Entry(kind: .mint)
        entry.jti = "next"
        _ = try await again.append(entry)
        try await again.close()
        #expect(try fixture.identifiers(copy) == expected)
        #expect(try fixture.verify(copy).checkpoint.size == UInt64(expected.count))
        try FileManager.default.removeItem(atPath: copy)
    }

    @Test func ofATornBatchTheCompleteRecordsAreKept() async throws {
        let fixture = try TestLog()
        let gate = Gate()
        var operations = FileOperations.system
        operations.syncData = { descriptor in
            gate.pass()
            return fdatasync(descriptor)
        }
        let log = try fixture.open(operations: operations)
        gate.close()
        async let first = fixture.append(1, to: log)
        try await eventually { gate.isWaitedAt }
        async let others = fixture.append(5, from: 1, to: log)
        try await eventually { log.status.pending == 5 }
        gate.open()
        _ = try await (first, others)
        let records = SegmentScan(try read(fixture.directory + "/journal/1"), sequence: 1, expected: 0).records
        let last = try #require(records.last)
        #expect(last.batch < last.index, "the last entries share a batch")
        var segment = try read(fixture.directory + "/journal/1")
        segment[last.entry.lowerBound] ^= 1
        let copy = try fixture.copy()
        try write(segment, to: copy + "/journal/1")
        #expect(try fixture.identifiers(copy).count == 5)
        let again = try fixture.open(copy)
        #expect(try await again.append(TestLog.entry(9)).index == 5)
        try await again.close()
        try await log.close()
    }

    @Test func damageBeforeTheLastBatchIsNotTakenForATornTail() async throws {
        let fixture = try TestLog()
        let log = try await openWithTail(3, fixture)
        let segment = try read(fixture.directory + "/journal/1")
        for record in SegmentScan(segment, sequence: 1, expected: 0).records.dropLast() {
            let start = record.entry.lowerBound - JournalRecord.headerBytes
            for position in stride(from: start, to: record.entry.upperBound, by: 7) {
                let copy = try fixture.copy()
                var damaged = segment
                damaged[position] ^= 0x10
                try write(damaged, to: copy + "/journal/1")
                #expect(code { _ = try fixture.open(copy) } == .corruptJournal, "byte \(position)")
                try FileManager.default.removeItem(atPath: copy)
            }
        }
        try await log.close()
    }

    @Test func whatATornBatchLeftBehindIsNeverReadAgain() async throws {
        let fixture = try TestLog()
        let log = try await openWithTail(2, fixture)
        var segment = try read(fixture.directory + "/journal/1")
        // A batch of two whose first record is torn and whose second, on the next page, is whole.
        var batch: [UInt8] = []
        let leaf = CommittedLeaf(entry: TestLog.entry(77).canonicalBytes)
        JournalRecord.append(leaf, index: 3, batch: 2, sequence: 1, to: &batch)
        let page = 4 * JournalRecord.pageBytes
        segment.replaceSubrange(page..<page + batch.count, with: batch)
        let copy = try fixture.copy()
        try write(segment, to: copy + "/journal/1")
        // The next entry fills its page to the last byte, so that the remainder would follow it as if it were its
        // batch.
        var next = Entry(kind: .mint)
        next.locations = ["", "", ""]
        let missing = JournalRecord.pageBytes - JournalRecord.headerBytes - (try next.prepared().bytes.count)
        next.locations = [String(repeating: "x", count: 2000), String(repeating: "x", count: missing - 2000), ""]
        let again = try fixture.open(copy)
        #expect(try await again.append(next).index == 2)
        let crashed = "\(fixture.root)/crashed"
        try FileManager.default.copyItem(atPath: copy, toPath: crashed)
        try await again.close()
        let reopened = try fixture.open(crashed)
        #expect(reopened.status.size == 3)
        try await reopened.close()
        try await log.close()
    }

    @Test func aSegmentThatLostItsHeaderIsRefused() async throws {
        let fixture = try TestLog()
        try await fixture.write(3)
        for damage in [
            { (bytes: [UInt8]) in [] }, { bytes in Array(bytes[..<4095]) }, { bytes in [0] + bytes.dropFirst() },
        ] {
            let copy = try fixture.copy()
            try write(damage(try read(copy + "/journal/1")), to: copy + "/journal/1")
            #expect(code { _ = try fixture.open(copy) } == .corruptJournal)
        }
    }

    @Test func aCheckpointNewerThanTheDataIsRefused() async throws {
        let fixture = try TestLog()
        try await fixture.write(300)
        let older = try fixture.copy(to: "older")
        try await fixture.write(300, from: 300)
        // Only the checkpoint is new.
        let newer = try read(fixture.directory + "/checkpoint")
        try write(newer, to: older + "/checkpoint")
        #expect(code { _ = try fixture.open(older) } == .rolledBack)
        // Tiles and checkpoint are new, the journal is old.
        try FileManager.default.removeItem(atPath: older + "/tile")
        try FileManager.default.copyItem(atPath: fixture.directory + "/tile", toPath: older + "/tile")
        #expect(code { _ = try fixture.open(older) } == .rolledBack)
        // No journal at all.
        try FileManager.default.removeItem(atPath: older + "/journal")
        #expect(code { _ = try fixture.open(older) } == .rolledBack)
    }

    @Test func aCheckpointOlderThanTheJournalsStartIsRefused() async throws {
        let fixture = try TestLog()
        try await fixture.write(1, options: TestLog.options(interval: .milliseconds(2)))
        let old = try read(fixture.directory + "/checkpoint")
        // Enough to reuse the first segments.
        for round in 1...4 { try await fixture.write(400, from: round * 400) }
        #expect(!FileManager.default.fileExists(atPath: fixture.directory + "/journal/1"))
        try write(old, to: fixture.directory + "/checkpoint")
        #expect(code { _ = try fixture.open() } == .rolledBack)
        try FileManager.default.removeItem(atPath: fixture.directory + "/checkpoint")
        #expect(code { _ = try fixture.open() } == .missingFile)
    }

    @Test func theRightEdgeMustGiveTheCheckpointsRoot() async throws {
        let fixture = try TestLog()
        try await fixture.write(300)
        for (path, expected) in [
            ("/tile/0/001.p/44", AuditLogError.Code.badRoot), ("/tile/1/000.p/1", .badRoot),
            ("/tile/entries/001.p/44", .badBundle), ("/checkpoint", .badSignature),
        ] {
            let copy = try fixture.copy()
            var bytes = try read(copy + path)
            bytes[20] ^= 1
            try write(bytes, to: copy + path)
            #expect(code { _ = try fixture.open(copy) } == expected, "\(path)")
        }
    }

    @Test func theJournalMustSayWhatTheTilesSay() async throws {
        let fixture = try TestLog()
        try await fixture.write(300)
        let path = fixture.directory + "/tile/0/000"
        var bytes = try read(path)
        bytes[100] ^= 1
        try write(bytes, to: path)
        #expect(code { _ = try fixture.open() } == .badTile)
    }

    @Test func anotherLogsNameOrKeyIsRefused() async throws {
        let fixture = try TestLog()
        try await fixture.write(3)
        let stranger = try TestSigner()
        let renamed = try TestSigner(origin: "other.example/log")
        for (signer, origin, expected) in [
            (stranger, TestSigner.origin, AuditLogError.Code.badSignature),
            (renamed, "other.example/log", .badSignature),
            (renamed, TestSigner.origin, .wrongOrigin),
        ] {
            let found = code {
                _ = try AuditLog.open(
                    directory: fixture.directory, origin: origin, signer: signer,
                    clock: { UnixTime(seconds: 0) }, onFatal: { _ in })
            }
            #expect(found == expected)
        }
    }

    @Test func aJournalOfAnotherLogIsRefusedBeforeTheFirstCheckpoint() async throws {
        let fixture = try TestLog()
        let log = try await openWithTail(2, fixture)
        let copy = try fixture.copy()
        try await log.close()
        let renamed = try TestSigner(origin: "other.example/log")
        let found = code {
            _ = try AuditLog.open(
                directory: copy, origin: "other.example/log", signer: renamed, clock: { UnixTime(seconds: 0) },
                onFatal: { _ in })
        }
        #expect(found == .wrongOrigin)
    }

    @Test func segmentsAreReusedAndTheJournalStaysSmall() async throws {
        let fixture = try TestLog()
        let log = try fixture.open(options: TestLog.options(interval: .milliseconds(2)))
        for round in 0..<20 {
            try await fixture.append(200, from: round * 200, to: log)
            try await eventually { log.status.checkpoint?.size == UInt64(round + 1) * 200 }
        }
        try await log.close()
        let segments = try FileManager.default.contentsOfDirectory(atPath: fixture.directory + "/journal")
        #expect(segments.count <= 4)
        #expect(!segments.contains("1"))
        #expect(Set(try fixture.identifiers()) == Set((0..<4000).map(String.init)))
        let again = try fixture.open()
        #expect(again.status.size == 4000)
        try await again.close()
        #expect(try fixture.verify().checkpoint.size == 4000)
    }

    @Test func theLastBatchIsWrittenAgainBeforeAnythingIsBuiltOnIt() async throws {
        let fixture = try TestLog()
        let log = try fixture.open()
        _ = try await log.append(TestLog.entry(0))
        _ = try await log.append(TestLog.entry(1))
        let crashed = try fixture.copy()
        try await log.close()
        // A sync that failed leaves pages that count as clean: only what is written again is synced again.
        let calls = Mutex<[String]>([])
        var operations = FileOperations.system
        operations.write = { descriptor, bytes, offset in
            if String(decoding: bytes, as: UTF8.self).contains(#""jti":"1""#) {
                calls.withLock { $0.append("write \(descriptor)") }
            }
            return FileOperations.system.write(descriptor, bytes, offset)
        }
        operations.sync = { descriptor in
            calls.withLock { $0.append("sync \(descriptor)") }
            return FileOperations.system.sync(descriptor)
        }
        let again = try fixture.open(crashed, operations: operations)
        let made = calls.withLock { $0 }
        let write = try #require(made.first { $0.hasPrefix("write ") })
        #expect(made.contains(write.replacing("write", with: "sync")))
        #expect(again.status.size == 2)
        try await again.close()
        // Where that fails, the log does not open.
        operations.write = { descriptor, bytes, offset in
            let isBatch = String(decoding: bytes, as: UTF8.self).contains(#""jti":"1""#)
            return isBatch ? -Int(EIO) : FileOperations.system.write(descriptor, bytes, offset)
        }
        #expect(code { _ = try fixture.open(crashed, operations: operations) } != nil)
    }
}
