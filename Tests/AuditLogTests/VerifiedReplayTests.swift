import Foundation
import StrictEncoding
import Synchronization
import Testing

@testable import AuditLog

/// What a start takes to be in force comes out of files that somebody else may have held meanwhile.
@Suite(.timeLimit(.minutes(2))) struct VerifiedReplayTests {
    private func options(_ fixture: TestLog) -> AuditLogOptions {
        var options = TestLog.options(interval: .milliseconds(1))
        options.lastCheckpointFile = fixture.root + "/last-checkpoint"
        return options
    }

    /// The identifiers of the cut-offs that are found.
    private func replay(_ fixture: TestLog, from place: VerifiedReplay.Place? = nil) throws -> [String?] {
        try VerifiedReplay.entries(
            directory: fixture.directory, origin: TestSigner.origin, keys: [fixture.signer.verifierKey],
            kinds: [.cutoff], from: place
        ).map(\.jti)
    }

    /// Two closed shards with a cut-off among 300 mints each, and one of a few entries that is written.
    private func series(_ fixture: TestLog) async throws -> AuditLog {
        let log = try fixture.open(options: options(fixture))
        for shard in 1...2 {
            try await fixture.append(100, from: shard * 1000, to: log)
            try await fixture.append(1, from: shard, kind: .cutoff, to: log)
            try await fixture.append(200, from: shard * 1000 + 100, to: log)
            log.rollOver()
            try await eventually { log.status.shard == UInt64(shard) + 1 }
        }
        try await fixture.append(1, from: 3, kind: .cutoff, to: log)
        try await eventually { log.status.checkpoint?.size == 2 }
        return log
    }

    private func place(_ report: VerificationReport, shard: UInt64 = 1) -> VerifiedReplay.Place {
        .init(shard: shard, size: report.checkpoint.size, root: report.checkpoint.root)
    }

    /// Changes a cut-off in a bundle into something that stops nothing.
    private func defuse(_ path: String) throws {
        let text = try String(decoding: read(path), as: UTF8.self)
        let changed = text.replacing(#""kind":"cutoff""#, with: #""kind":"denied""#)
        #expect(changed != text)
        try write(Array(changed.utf8), to: path)
    }

    @Test func entriesOfAllShardsAndOfTheJournalAreFound() async throws {
        let fixture = try TestLog()
        let log = try await series(fixture)
        #expect(try replay(fixture) == ["1", "2", "3"])
        try await log.close()
        let again = try fixture.open()
        try await fixture.append(1, from: 4, kind: .cutoff, to: again)
        #expect(try replay(fixture) == ["1", "2", "3", "4"])
        try await again.close()
    }

    @Test func aBundleLeftOfTheRightEdgeThatWasChangedIsFound() async throws {
        let fixture = try TestLog()
        try await fixture.write(1, kind: .cutoff)
        try await fixture.write(600, from: 1)
        try defuse(fixture.directory + "/tile/entries/000")
        // The start itself looks at the right edge alone.
        try await fixture.open().close()
        #expect(code { _ = try replay(fixture) } == .badRoot)
    }

    @Test func fromAPlaceOnOnlyWhatComesAfterIsReadAndStillVerified() async throws {
        let fixture = try TestLog()
        try await fixture.write(1, kind: .cutoff)
        try await fixture.write(299, from: 1)
        let place = place(try fixture.verify())
        try await fixture.write(1, from: 300, kind: .cutoff)
        try await fixture.write(400, from: 301)
        #expect(try replay(fixture, from: place) == ["300"])
        #expect(try replay(fixture) == ["0", "300"])
        // A place of another history means nothing: then all of it is read.
        let other = VerifiedReplay.Place(shard: 1, size: 300, root: [UInt8](repeating: 7, count: 32))
        #expect(try replay(fixture, from: other) == ["0", "300"])
        let beyond = VerifiedReplay.Place(shard: 1, size: 9000, root: place.root)
        #expect(try replay(fixture, from: beyond) == ["0", "300"])
        #expect(try replay(fixture, from: .init(shard: 9, size: 1, root: place.root)) == ["0", "300"])
        try defuse(fixture.directory + "/tile/entries/001")
        #expect(code { _ = try replay(fixture, from: place) } == .badRoot)
    }

    @Test func anOlderCopyOfAClosedShardOrNoneOfItIsFound() async throws {
        let fixture = try TestLog()
        let log = try fixture.open(options: options(fixture))
        try await fixture.append(5, to: log)
        try await eventually { log.status.checkpoint?.size == 5 }
        let older = try fixture.copy()
        try await fixture.append(1, from: 5, kind: .cutoff, to: log)
        log.rollOver()
        try await fixture.append(1, from: 6, to: log)
        try await log.close()
        #expect(try replay(fixture) == ["5"])
        try FileManager.default.moveItem(atPath: fixture.directory + ".1", toPath: fixture.root + "/whole")
        try FileManager.default.moveItem(atPath: older, toPath: fixture.directory + ".1")
        #expect(code { _ = try replay(fixture) } == .rolledBack)
    }

    @Test func whatAKeySignedThatCountsNoLongerCountsUnderALaterCheckpoint() async throws {
        let fixture = try TestLog()
        let (old, new) = (fixture.signer, try TestSigner())
        let signers = CheckpointSigners([old], trusted: [new.verifierKey])
        var options = options(fixture)
        options.closeTimeout = .seconds(5)
        let log = try AuditLog.open(
            directory: fixture.directory, origin: TestSigner.origin, signers: signers,
            clock: { fixture.time.withLock { $0 } }, options: options, onFatal: { _ in })
        try await fixture.append(1, from: 1, kind: .cutoff, to: log)
        log.rollOver()
        try await eventually { log.status.shard == 2 }
        signers.replace(with: [new])
        try await fixture.append(1, from: 2, kind: .cutoff, to: log)
        try await log.close()
        let found = {
            try VerifiedReplay.entries(
                directory: fixture.directory, origin: TestSigner.origin, keys: [$0], kinds: [.cutoff], from: nil
            ).map(\.jti)
        }
        #expect(try found(new.verifierKey) == ["1", "2"])
        #expect(code { _ = try found(try TestSigner().verifierKey) } == .badSignature)
    }

    @Test func aClosedShardThatIsGoneIsFound() async throws {
        let fixture = try TestLog()
        try await series(fixture).close()
        try FileManager.default.removeItem(atPath: fixture.directory + ".1")
        #expect(code { _ = try replay(fixture) } == .missingFile)
    }

    @Test func aShardWithoutTilesThatNobodyPrunedIsRefused() async throws {
        let fixture = try TestLog()
        try await series(fixture).close()
        try FileManager.default.removeItem(atPath: fixture.directory + ".1/tile")
        #expect(code { _ = try replay(fixture) } == .rolledBack)
    }

    @Test("of a pruned shard nothing that was kept can be taken away", arguments: ["line", "file", "nothing"])
    func retained(what: String) async throws {
        let fixture = try TestLog()
        let log = try await series(fixture)
        _ = try await log.prune(shard: 1, operator: "carol")
        try await log.close()
        let path = fixture.directory + ".1/retained"
        switch what {
        case "line":
            let lines = try read(path).split(separator: 0x0A)
            #expect(lines.count == 2)
            try write(Array(lines[0]) + [0x0A], to: path)
        case "file": try FileManager.default.removeItem(atPath: path)
        default: break
        }
        if what == "nothing" {
            #expect(try replay(fixture) == ["1", "2", "3"])
            _ = try SeriesVerifier(directory: fixture.directory, verifierKeys: [fixture.signer.verifierKey]).verify()
        } else {
            #expect(code { _ = try replay(fixture) } == (what == "file" ? .rolledBack : .missingFile))
        }
    }

    @Test func aPruningThatOnlyTheJournalRecordsDoesNotCount() async throws {
        let fixture = try TestLog()
        try await series(fixture).close()
        // Whoever holds the disk takes the cut-off out of the first shard, and writes an entry into the journal that says so.
        let shard = PrunedShard(directory: fixture.directory + ".1")
        let record = try shard.retain(isRetained: { _ in false }, operations: .system)
        try shard.removeEntries(.system)
        let log = try fixture.open()
        var entry = Entry(kind: .logShardPruned)
        entry.operator = "mallory"
        entry.detail = record.detail
        _ = try await log.append(entry)
        #expect(code { _ = try replay(fixture) } == .missingFile)
        // Under a checkpoint it is the log's word.
        try await log.close()
        #expect(try replay(fixture) == ["2", "3"])
    }

    @Test func kindsAreToldFromBytesAlone() throws {
        let scan = EntryKindScan([.cutoff, .adminCoreStarted])
        for kind in Entry.Kind.allCases {
            var entry = Entry(kind: kind)
            entry.reason = #"k "kind":"cutoff" kkk"#
            entry.identifier = "kind"
            entry.operator = #"\"kind\":\"cutoff\""#
            let bytes = [0x6B] + entry.canonicalBytes + [0x6B]
            #expect(scan.matches(bytes[1..<bytes.count - 1]) == [.cutoff, .adminCoreStarted].contains(kind), "\(kind)")
        }
        #expect(!scan.matches([]))
        #expect(!scan.matches(Array(#""kind":"#.utf8)[...]))
        #expect(!scan.matches(Array(#"k"#.utf8)[...]))
    }
}
