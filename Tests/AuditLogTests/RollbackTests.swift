import Foundation
import StrictEncoding
import Testing

@testable import AuditLog

/// The record of the last checkpoint outside the log directory, and what it finds.
@Suite(.timeLimit(.minutes(10))) struct RollbackTests {
    private func options(_ fixture: TestLog) -> AuditLogOptions {
        var options = TestLog.options(interval: .milliseconds(1))
        options.lastCheckpointFile = fixture.root + "/last-checkpoint"
        return options
    }

    private func replace(_ fixture: TestLog, with copy: String) throws {
        try FileManager.default.removeItem(atPath: fixture.directory)
        try FileManager.default.copyItem(atPath: copy, toPath: fixture.directory)
    }

    @Test func theRecordIsTheCheckpointAndTheLogGoesOnFromIt() async throws {
        let fixture = try TestLog()
        try await fixture.write(3, options: options(fixture))
        #expect(try read(fixture.root + "/last-checkpoint") == read(fixture.directory + "/checkpoint"))
        try await fixture.write(300, from: 3, options: options(fixture))
        #expect(try read(fixture.root + "/last-checkpoint") == read(fixture.directory + "/checkpoint"))
    }

    @Test func anOlderCopyOfTheWholeLogIsRefused() async throws {
        let fixture = try TestLog()
        try await fixture.write(3, options: options(fixture))
        let copy = try fixture.copy()
        try await fixture.write(3, from: 3, options: options(fixture))
        try replace(fixture, with: copy)
        // In itself the copy is a good log.
        #expect(try fixture.verify().checkpoint.size == 3)
        #expect(code { _ = try fixture.open(options: options(fixture)) } == .rolledBack)
        #expect(try fixture.verify().checkpoint.size == 3)
    }

    @Test func anotherHistoryOfTheSameLengthOrLongerIsRefused() async throws {
        let fixture = try TestLog()
        try await fixture.write(3, options: options(fixture))
        let copy = try fixture.copy()
        try await fixture.write(3, from: 3, options: options(fixture))
        let record = try read(fixture.root + "/last-checkpoint")
        for count in [3, 300] {
            try replace(fixture, with: copy)
            try write(record, to: fixture.root + "/last-checkpoint")
            try await fixture.write(count, from: 1000)
            #expect(code { _ = try fixture.open(options: options(fixture)) } == .rolledBack)
        }
    }

    @Test func aNewLogBesideTheRecordOfAnotherIsRefusedAndSoIsALogWithoutItsRecord() async throws {
        let fixture = try TestLog()
        try await fixture.write(3, options: options(fixture))
        try FileManager.default.moveItem(atPath: fixture.directory, toPath: fixture.root + "/away")
        #expect(code { _ = try fixture.open(options: options(fixture)) } == .rolledBack)
        try replace(fixture, with: fixture.root + "/away")
        try FileManager.default.removeItem(atPath: fixture.root + "/last-checkpoint")
        #expect(code { _ = try fixture.open(options: options(fixture)) } == .rolledBack)
    }

    @Test func aCrashBetweenCheckpointAndRecordIsNoRollback() async throws {
        let fixture = try TestLog()
        let options = options(fixture)
        let log = try fixture.open(options: options)
        #expect(try String(decoding: read(fixture.root + "/last-checkpoint"), as: UTF8.self).contains("\n0\n"))
        try await fixture.append(3, to: log)
        try await eventually { log.status.checkpoint?.size == 3 }
        let before = try read(fixture.root + "/last-checkpoint")
        try await fixture.append(3, from: 3, to: log)
        try await log.close()
        try write(before, to: fixture.root + "/last-checkpoint")
        let again = try fixture.open(options: options)
        #expect(again.status.size == 6)
        try await again.close()
    }

    @Test func restoringOnPurposeIsRecordedOnceAndForThatCopyAlone() async throws {
        let fixture = try TestLog()
        try await fixture.write(3, options: options(fixture))
        let copy = try fixture.copy()
        try await fixture.write(1, from: 3, options: options(fixture))
        let other = try fixture.copy()
        try await fixture.write(2, from: 4, options: options(fixture))
        try replace(fixture, with: other)
        let accept = {
            try Restoration.accept(
                directory: fixture.directory, record: fixture.root + "/last-checkpoint", origin: TestSigner.origin,
                operator: "SHA256:abc", reason: "disk lost")
        }
        let decision = try accept()
        #expect(decision.lost?.size == 6)
        #expect(decision.found.size == 4)
        try replace(fixture, with: copy)
        #expect(code { _ = try fixture.open(options: options(fixture)) } == .rolledBack)
        _ = try accept()
        let log = try fixture.open(options: options(fixture))
        #expect(code { _ = try accept() } == .locked)
        try await log.close()
        let entry = try Self.entries(fixture)[3]
        #expect(entry.kind == .logRestored)
        #expect(entry.operator == "SHA256:abc")
        #expect(entry.reason == "disk lost")
        #expect(entry.detail?["lost_size"] == "6")
        #expect(entry.detail?["found_size"] == "3")
        // The decision is spent.
        try replace(fixture, with: copy)
        #expect(code { _ = try fixture.open(options: options(fixture)) } == .rolledBack)
    }

    @Test func whereSomebodyHasToBeBelievedAFileThatIsWrittenByHandExcusesNothing() async throws {
        let fixture = try TestLog()
        var options = options(fixture)
        try await fixture.write(3, options: options)
        let copy = try fixture.copy()
        try await fixture.write(3, from: 3, options: options)
        try replace(fixture, with: copy)
        let record = fixture.root + "/last-checkpoint"
        let (lost, found) = try Restoration.accept(
            directory: fixture.directory, record: record, origin: TestSigner.origin, operator: "carol", reason: "hm")
        #expect(lost?.size == 6 && found.size == 3)
        options.restorationReader = { (_) throws(AuditLogError) in
            throw AuditLogError(.rolledBack, "nobody has signed it")
        }
        #expect(code { _ = try fixture.open(options: options) } == .rolledBack)
        // What is believed must be about this loss and this copy.
        let others: [(Checkpoint?, Checkpoint)] = [
            (nil, found), (lost, Checkpoint(origin: found.origin, size: 2, root: found.root)),
        ]
        for (lost, found) in others {
            let other = Restoration(lost: lost, found: found, person: "anna", reason: "disk lost")
            options.restorationReader = { (_) throws(AuditLogError) in other }
            #expect(code { _ = try fixture.open(options: options) } == .rolledBack)
            #expect(
                code {
                    try other.handIn([], directory: fixture.directory, record: record, origin: TestSigner.origin)
                } == .rolledBack)
        }
        let right = Restoration(lost: lost, found: found, person: "anna", reason: "disk lost", detail: ["by_1": "anna"])
        options.restorationReader = { (_) throws(AuditLogError) in right }
        try await fixture.open(options: options).close()
        let entry = try #require(try Self.entries(fixture).last)
        #expect(entry.kind == .logRestored && entry.operator == "anna" && entry.detail?["by_1"] == "anna")
    }

    @Test func aLogThatIsGoneWithItsRecordIsNotBegunAnewUnlessAPersonSaysSo() async throws {
        let fixture = try TestLog()
        var options = options(fixture)
        try await fixture.write(3, options: options)
        for path in [fixture.directory, fixture.root + "/last-checkpoint"] {
            try FileManager.default.removeItem(atPath: path)
        }
        options.isExpected = true
        #expect(code { _ = try fixture.open(options: options) } == .rolledBack)
        // The directory was not there either: a restoration needs none.
        try FileManager.default.removeItem(atPath: fixture.directory)
        let decision = try Restoration.accept(
            directory: fixture.directory, record: fixture.root + "/last-checkpoint", origin: TestSigner.origin,
            operator: "dora", reason: "disk lost, no copy")
        #expect(decision.lost == nil && decision.found.size == 0)
        let log = try fixture.open(options: options)
        try await log.close()
        #expect(try Self.entries(fixture).map(\.kind) == [.logRestored])
        // From now on it is a log like any other.
        try await fixture.open(options: options).close()
    }

    @Test func aRecordThatCannotBeWrittenIsAFaultAndStopsNothing() async throws {
        let fixture = try TestLog()
        let log = try fixture.open(options: options(fixture))
        try FileManager.default.createDirectory(
            atPath: fixture.root + "/last-checkpoint.new", withIntermediateDirectories: true)
        try await fixture.append(3, to: log)
        try await eventually { log.status.checkpoint?.size == 3 && log.status.recordProblem != nil }
        try FileManager.default.removeItem(atPath: fixture.root + "/last-checkpoint.new")
        try await fixture.append(3, from: 3, to: log)
        try await eventually { log.status.recordProblem == nil }
        try await log.close()
    }

    @Test func tilesThatOnlyGiveTheRecordsRootDoNotMakeItTheLogsHistory() async throws {
        let fixture = try TestLog()
        try await fixture.write(128, options: options(fixture))
        let record = try read(fixture.root + "/last-checkpoint")
        let hashes = try read(fixture.directory + "/tile/0/000.p/128")
        // Another history of the same name, signed by the same key.
        try FileManager.default.removeItem(atPath: fixture.directory)
        try await fixture.write(3000, from: 5000)
        try write(record, to: fixture.root + "/last-checkpoint")
        #expect(code { _ = try fixture.open(options: options(fixture)) } == .rolledBack)
        // Its first tile, which no start reads, now begins with the hashes of the first one.
        var tile = try read(fixture.directory + "/tile/0/000")
        tile.replaceSubrange(..<hashes.count, with: hashes)
        try write(tile, to: fixture.directory + "/tile/0/000")
        #expect(code { _ = try fixture.open(options: options(fixture)) } == .rolledBack)
        #expect(try read(fixture.root + "/last-checkpoint") == record)
    }

    static func entries(_ fixture: TestLog, _ directory: String? = nil) throws -> [Entry] {
        var entries: [Entry] = []
        try LogReader(directory: directory ?? fixture.directory).forEach(in: 0..<UInt64.max) {
            (_, bytes) throws(AuditLogError) in entries.append(try Entry(jsonBytes: bytes))
        }
        return entries
    }
}
