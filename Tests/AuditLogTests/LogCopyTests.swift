import Foundation
import StrictEncoding
import Synchronization
import Testing

@testable import AuditLog

/// What a collector gets from a log that goes on, and from one that does not.
@Suite(.timeLimit(.minutes(2))) struct LogCopyTests {
    private func copy(_ fixture: TestLog, of directory: String? = nil) -> LogCopy {
        let files = LogFiles(directory: directory ?? fixture.directory)
        return LogCopy(directory: fixture.root + "/copy") { try files.contents(of: $0, shard: $1) }
    }

    /// The copies' files with what is in them; evidence is listed apart.
    private func state(_ fixture: TestLog) throws -> (copy: [String: [UInt8]], evidence: [String]) {
        let files = try TestLog.files(in: fixture.root).filter { $0.hasPrefix("copy") }
        let evidence = files.filter { $0.hasPrefix("copy.refused-") }
        let copy = try files.filter { !evidence.contains($0) }.map { ($0, try read("\(fixture.root)/\($0)")) }
        return (Dictionary(uniqueKeysWithValues: copy), evidence)
    }

    private func verify(_ fixture: TestLog) throws -> [SeriesVerifier.Shard] {
        try SeriesVerifier(directory: fixture.root + "/copy", verifierKeys: [fixture.signer.verifierKey]).verify()
            .shards
    }

    /// A log whose first shard got so many entries and is closed, and whose second has a checkpoint.
    private func logWithClosedShard(_ count: Int, from first: Int = 0, _ fixture: TestLog) async throws -> AuditLog {
        let log = try fixture.open(options: TestLog.options(interval: .milliseconds(1)))
        try await fixture.append(count, from: first, to: log)
        log.rollOver()
        try await eventually { log.status.shard == 2 && log.status.checkpoint?.size == 1 }
        return log
    }

    /// Puts another log in the source's place.
    private func replace(_ fixture: TestLog, with copy: String) throws {
        try FileManager.default.removeItem(atPath: fixture.directory)
        try FileManager.default.copyItem(atPath: copy, toPath: fixture.directory)
    }

    @Test func aCopyFollowsTheLogThroughItsShards() async throws {
        let fixture = try TestLog()
        let log = try fixture.open(options: TestLog.options(interval: .milliseconds(1)))
        for shard in 1...3 {
            try await fixture.append(300, from: shard * 1000, to: log)
            // Once within the shard, once when it is closed: the latter is the next round's.
            try await eventually { log.status.checkpoint?.size == log.status.size }
            #expect(try await copy(fixture).update(current: UInt64(shard)).files > 1)
            #expect(try await copy(fixture).update(current: UInt64(shard)).files == 0)
            log.rollOver()
            try await eventually { log.status.shard == UInt64(shard) + 1 && log.status.checkpoint?.size == 1 }
        }
        #expect(try await copy(fixture).update(current: 4).files > 1)
        #expect(try await copy(fixture).update(current: 4).files == 0)
        try await log.close()
        #expect(try verify(fixture).map(\.number) == [1, 2, 3, 4])
        #expect(try verify(fixture).map(\.checkpoint.size) == [301, 302, 302, 1])
        #expect(try state(fixture).evidence.isEmpty)
    }

    @Test func aLogThatGrowsWhileItIsReadIsCopiedAllTheSame() async throws {
        let fixture = try TestLog()
        try await fixture.write(300)
        let files = LogFiles(directory: fixture.directory)
        let asked = Mutex<Set<String>>([])
        // Each partial file is gone the first time it is asked for, as if the log had outgrown it.
        let copy = LogCopy(directory: fixture.root + "/copy") { path, shard in
            let isFirst = asked.withLock { $0.insert(path).inserted }
            return path.contains(".p/") && isFirst ? nil : try files.contents(of: path, shard: shard)
        }
        #expect(try await copy.update(current: 1).files == 6)
        #expect(try verify(fixture).map(\.checkpoint.size) == [300])
    }

    @Test func aLogThatWasPutBackIsRefusedAndTheCopyIsTheEvidence() async throws {
        let fixture = try TestLog()
        try await fixture.write(3)
        let older = try fixture.copy(to: "older")
        try await fixture.write(300, from: 3)
        _ = try await copy(fixture).update(current: 1)
        let before = try state(fixture).copy
        try replace(fixture, with: older)
        for _ in 1...2 {
            #expect(await code { _ = try await copy(fixture).update(current: 1) } == .rolledBack)
        }
        let (after, evidence) = try state(fixture)
        #expect(after == before && evidence.count == 1)
        #expect(try read("\(fixture.root)/\(try #require(evidence.first))") == read(older + "/checkpoint"))
        try FileManager.default.removeItem(atPath: fixture.directory)
        #expect(await code { _ = try await copy(fixture).update(current: 1) } == .rolledBack)
        #expect(try state(fixture).copy == before)
    }

    @Test(arguments: [10, 297, 298, 600, 2000])
    func aForkIsRefusedWhateverItsLength(count: Int) async throws {
        let fixture = try TestLog()
        try await fixture.write(3)
        let older = try fixture.copy(to: "older")
        try await fixture.write(297, from: 3)
        _ = try await copy(fixture).update(current: 1)
        let before = try state(fixture).copy
        try replace(fixture, with: older)
        try await fixture.write(count, from: 1_000_000)
        #expect(await code { _ = try await copy(fixture).update(current: 1) } == .rolledBack)
        let (after, evidence) = try state(fixture)
        #expect(after == before && evidence.count == 1)
        #expect(try read("\(fixture.root)/\(try #require(evidence.first))") == read(fixture.directory + "/checkpoint"))
        #expect(try verify(fixture).map(\.checkpoint.size) == [300])
    }

    @Test func aLogThatLostAShardIsRefused() async throws {
        let fixture = try TestLog()
        let log = try await logWithClosedShard(3, fixture)
        _ = try await copy(fixture).update(current: 2)
        try await log.close()
        let before = try state(fixture).copy
        try replace(fixture, with: fixture.directory + ".1")
        try FileManager.default.removeItem(atPath: fixture.directory + ".1")
        #expect(await code { _ = try await copy(fixture).update(current: 1) } == .rolledBack)
        #expect(try state(fixture).copy == before)
        // And so is another log altogether, into the same copy.
        let signer = try TestSigner(origin: "other.example/log")
        let other = try AuditLog.open(
            directory: fixture.root + "/other", origin: "other.example/log", signer: signer,
            clock: { UnixTime(seconds: 1_800_000_000) }, options: TestLog.options(), onFatal: { _ in })
        try await fixture.append(3, to: other)
        try await other.close()
        let stranger = copy(fixture, of: fixture.root + "/other")
        #expect(await code { _ = try await stranger.update(current: 1) } == .wrongOrigin)
        #expect(try state(fixture).copy == before)
    }

    @Test func whatWasPrunedBeforeItWasFetchedIsNamedAndTheRestIsFetched() async throws {
        let fixture = try TestLog()
        let log = try fixture.open(options: TestLog.options(interval: .milliseconds(1)))
        try await fixture.append(300, to: log)
        try await eventually { log.status.checkpoint?.size == 300 }
        _ = try await copy(fixture).update(current: 1)
        log.rollOver()
        try await eventually { log.status.shard == 2 && log.status.checkpoint?.size == 1 }
        _ = try await log.prune(shard: 1, operator: "carol")
        try await eventually { log.status.checkpoint?.size == 2 }
        for _ in 1...2 {
            let outcome = try await copy(fixture).update(current: 2)
            #expect(outcome.pruned == [1] && outcome.incomplete.isEmpty)
            #expect(try fixture.verify(fixture.root + "/copy.1").checkpoint.size == 300)
        }
        try await log.close()
    }

    @Test func whoComesAfterAPruningGetsWhatIsLeftAndCanVerifyIt() async throws {
        let fixture = try TestLog()
        let log = try await logWithClosedShard(300, fixture)
        // One who was interrupted has some of its tiles.
        let files = LogFiles(directory: fixture.directory)
        let interrupted = LogCopy(directory: fixture.root + "/copy") { path, shard in
            guard !path.hasPrefix("tile/0/") else { throw CancellationError() }
            return try files.contents(of: path, shard: shard)
        }
        await #expect(throws: CancellationError.self) { try await interrupted.update(current: 2) }
        _ = try await log.prune(shard: 1, operator: "carol")
        try await eventually { log.status.checkpoint?.size == 2 }
        // Whoever holds the entries back without a word of pruning is found out.
        let withheld = LogCopy(directory: fixture.root + "/copy") { path, shard in
            path == "retained" ? nil : try files.contents(of: path, shard: shard)
        }
        #expect(try await withheld.update(current: 2).incomplete == [1])
        for round in 1...2 {
            let outcome = try await copy(fixture).update(current: 2)
            #expect(outcome.pruned == (round == 1 ? [1] : []) && outcome.incomplete.isEmpty)
            #expect(try verify(fixture).map(\.checkpoint.size) == [301, 2])
        }
        try await log.close()
    }

    @Test func aForkThatHasBegunAnotherShardLeavesTheCopyWhereItIs() async throws {
        let fixture = try TestLog()
        try await fixture.write(3)
        let older = try fixture.copy(to: "older")
        try await fixture.write(297, from: 3)
        _ = try await copy(fixture).update(current: 1)
        let before = try state(fixture).copy
        try replace(fixture, with: older)
        let log = try await logWithClosedShard(400, from: 1_000_000, fixture)
        #expect(await code { _ = try await copy(fixture).update(current: 2) } == .rolledBack)
        #expect(try state(fixture).copy == before)
        try await log.close()
    }

    @Test func aSourceThatHasFewerShardsThanTheCopyIsRefusedAlsoWhereTheNewestIsMissing() async throws {
        let fixture = try TestLog()
        let log = try await logWithClosedShard(3, fixture)
        _ = try await copy(fixture).update(current: 2)
        try await log.close()
        // As if a round had ended between moving the one and fetching the other.
        try FileManager.default.removeItem(atPath: fixture.root + "/copy")
        let before = try state(fixture).copy
        try replace(fixture, with: fixture.directory + ".1")
        try FileManager.default.removeItem(atPath: fixture.directory + ".1")
        #expect(await code { _ = try await copy(fixture).update(current: 1) } == .rolledBack)
        #expect(try state(fixture).copy == before)
    }
}
