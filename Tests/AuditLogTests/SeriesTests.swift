import Foundation
import Glibc
import StrictEncoding
import Synchronization
import Testing

@testable import AuditLog

/// Verifying, proving and pruning a log of several shards.
@Suite(.timeLimit(.minutes(10))) struct SeriesTests {
    /// Three shards; the first two hold 300 mints and a cut-off each.
    private func series(_ fixture: TestLog) async throws -> AuditLog {
        var options = TestLog.options(interval: .milliseconds(1))
        options.lastCheckpointFile = fixture.root + "/last-checkpoint"
        let log = try fixture.open(options: options)
        for shard in 1...2 {
            try await fixture.append(300, from: shard * 1000, to: log)
            try await fixture.append(1, from: shard * 1000 + 500, kind: .cutoff, to: log)
            log.rollOver()
            try await eventually { log.status.shard == UInt64(shard) + 1 }
        }
        try await fixture.append(5, from: 3000, to: log)
        try await eventually { log.status.checkpoint?.size == 6 }
        return log
    }

    private func verify(
        _ fixture: TestLog, _ directory: String? = nil, older: Checkpoint? = nil, from shard: UInt64 = 1
    ) throws -> [SeriesVerifier.Shard] {
        var demands = SeriesVerifier.Demands()
        (demands.older, demands.firstShard) = (older, shard)
        return try SeriesVerifier(
            directory: directory ?? fixture.directory, verifierKeys: [fixture.signer.verifierKey], demands: demands
        ).verify().shards
    }

    private func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: path) }

    @Test func aShardThatMustBeThereAndIsNotIsFound() async throws {
        let fixture = try TestLog()
        try await series(fixture).close()
        #expect(try verify(fixture, from: 3).map(\.number) == [1, 2, 3])
        #expect(code { _ = try verify(fixture, from: 4) } == .missingFile)
        #expect(code { _ = try verify(fixture, from: 7) } == .missingFile)
    }

    @Test func allShardsAreVerifiedAndEachContinuesTheOneBefore() async throws {
        let fixture = try TestLog()
        try await series(fixture).close()
        let shards = try verify(fixture)
        #expect(shards.map(\.number) == [1, 2, 3])
        #expect(shards.map(\.checkpoint.size) == [302, 303, 6])
        #expect(shards.map(\.checkpoint.origin) == ["", "/2", "/3"].map { TestSigner.origin + $0 })
        // A copy of one of them alone is a log too, for somebody who says so.
        #expect(try verify(fixture, fixture.directory + ".2", from: 2).map(\.number) == [2])
        #expect(code { _ = try verify(fixture, fixture.directory + ".2") } == .missingFile)
    }

    @Test(arguments: [1, 2])
    func aShardThatIsGoneIsMissed(number: UInt64) async throws {
        let fixture = try TestLog()
        try await series(fixture).close()
        try remove("\(fixture.directory).\(number)")
        #expect(code { _ = try verify(fixture) } == .missingFile)
        // A gap is one whatever was asked for.
        #expect(code { _ = try verify(fixture, from: 2) } == (number == 1 ? nil : .missingFile))
    }

    @Test(arguments: ["", ".1", ".2"])
    func aShardWhoseEntriesWereTakenAwayIsNotTakenForAPrunedOne(shard: String) async throws {
        let fixture = try TestLog()
        try await series(fixture).close()
        try remove(fixture.directory + shard + "/tile")
        #expect(code { _ = try verify(fixture) } == .missingFile)
        #expect(code { _ = try verify(fixture, older: try fixture.checkpoint(shard)) } == .missingFile)
    }

    @Test func aShardWithoutItsCheckpointIsNoneThatHasJustBegun() async throws {
        let fixture = try TestLog()
        try await series(fixture).close()
        try remove(fixture.directory + "/checkpoint")
        #expect(code { _ = try verify(fixture) } == .missingFile)
        // One that has begun has neither; it is named.
        try remove(fixture.directory + "/tile")
        let report = try SeriesVerifier(
            directory: fixture.directory, verifierKeys: [fixture.signer.verifierKey]
        ).verify()
        #expect(report.begun == 3 && report.shards.map(\.number) == [1, 2])
    }

    @Test func aRetiredKeyCountsOnlyUnderAShardOfOneThatMaySign() async throws {
        let fixture = try TestLog()
        try await series(fixture).close()
        let other = try TestSigner().verifierKey
        func verify(_ current: [VerifierKey], _ former: [VerifierKey]) throws {
            _ = try SeriesVerifier(
                directory: fixture.directory, verifierKeys: current, formerKeys: former, origin: TestSigner.origin
            ).verify()
        }
        // Whoever has stolen a key that was quarantined signs a log of one shard, or its newest.
        #expect(code { try verify([other], [fixture.signer.verifierKey]) } == .badSignature)
        let successor = try TestSigner()
        try await fixture.resign(by: successor)
        try verify([successor.verifierKey], [fixture.signer.verifierKey])
        #expect(code { try verify([successor.verifierKey], []) } == .badSignature)
    }

    @Test func aPrunedShardStillNamesTheOneBeforeIt() async throws {
        let fixture = try TestLog()
        let log = try await series(fixture)
        _ = try await log.prune(shard: 2, operator: "carol")
        try await log.close()
        #expect(try verify(fixture).map { $0.report == nil } == [false, true, false])
        // Another first shard of the same key and name.
        let other = fixture.root + "/other"
        let second = try fixture.open(other, options: TestLog.options())
        try await fixture.append(7, to: second)
        try await second.close()
        try remove(fixture.directory + ".1")
        try FileManager.default.moveItem(atPath: other, toPath: fixture.directory + ".1")
        #expect(code { _ = try verify(fixture) } == .rolledBack)
    }

    @Test func whatIsSaidToBeWitnessedIsLookedAtByEverybody() async throws {
        let fixture = try TestLog()
        try await fixture.write(100)
        let old = try read(fixture.directory + "/checkpoint")
        try await fixture.write(100, from: 100)
        let path = fixture.directory + "/witnessed"
        try write(old, to: path)
        #expect(try verify(fixture).map(\.checkpoint.size) == [200])
        for position in old.indices {
            await Task.yield()
            var changed = old
            changed[position] ^= 1
            try write(changed, to: path)
            #expect(code { _ = try verify(fixture) } != nil, "byte \(position)")
        }
        // Of another history, signed with the same key.
        let other = fixture.root + "/other"
        fixture.time.withLock { $0 = $0.adding(seconds: 1) }
        let log = try fixture.open(other)
        try await fixture.append(7, to: log)
        try await log.close()
        try write(try read(other + "/checkpoint"), to: path)
        #expect(code { _ = try verify(fixture) } == .rolledBack)
    }

    @Test func aShardOfAnotherHistoryIsFound() async throws {
        let fixture = try TestLog()
        try await series(fixture).close()
        // The same key signs another first shard of the same name.
        let other = fixture.root + "/other"
        let log = try fixture.open(other, options: TestLog.options())
        try await fixture.append(7, to: log)
        try await log.close()
        try FileManager.default.removeItem(atPath: fixture.directory + ".1")
        try FileManager.default.moveItem(atPath: other, toPath: fixture.directory + ".1")
        #expect(code { _ = try verify(fixture) } == .rolledBack)
    }

    @Test func anOlderCheckpointHoldsOnlyForItsOwnHistory() async throws {
        let fixture = try TestLog()
        try await fixture.write(100)
        let old = try fixture.verify().checkpoint
        try await fixture.write(200, from: 100)
        #expect(try verify(fixture, older: old).first?.checkpoint.size == 300)
        var forged = old
        forged.root[0] ^= 1
        #expect(code { _ = try verify(fixture, older: forged) } == .rolledBack)
        forged = old
        forged.size = 301
        #expect(code { _ = try verify(fixture, older: forged) } == .rolledBack)
        forged = old
        forged.origin = "other.example/log"
        #expect(code { _ = try verify(fixture, older: forged) } == .wrongOrigin)
    }

    @Test func aCredentialIsProvedByItsIdentifierInWhateverShardItIs() async throws {
        let fixture = try TestLog()
        try await series(fixture).close()
        let keys = [fixture.signer.verifierKey]
        for jti in ["1000", "1299", "2007", "3004"] {
            let found = try LogSeries(directory: fixture.directory).entries(jti: jti)
            #expect(found.count == 1)
            let proof = try LogProver(directory: found[0].directory).proof(
                index: found[0].index, entry: found[0].bytes)
            let read = try LogProof(parsing: proof.bytes)
            #expect(read == proof)
            #expect(try read.verify(entry: found[0].bytes, keys: keys).origin.hasPrefix(TestSigner.origin))
            #expect(code { try read.verify(entry: found[0].bytes + [0x20], keys: keys) } == .badRoot)
            let stranger = try TestSigner()
            #expect(code { try read.verify(entry: found[0].bytes, keys: [stranger.verifierKey]) } == .badSignature)
        }
        #expect(try LogSeries(directory: fixture.directory).entries(jti: "100").isEmpty)
    }

    @Test func noFlippedByteOfAProofGoesUnnoticed() async throws {
        let fixture = try TestLog()
        try await fixture.write(300)
        let found = try LogSeries(directory: fixture.directory).entries(jti: "7")[0]
        let bytes = try LogProver(directory: fixture.directory).proof(index: found.index, entry: found.bytes).bytes
        for position in bytes.indices {
            await Task.yield()
            var changed = bytes
            changed[position] ^= 1
            let fault = code {
                try LogProof(parsing: changed).verify(entry: found.bytes, keys: [fixture.signer.verifierKey])
            }
            #expect(fault != nil, "byte \(position)")
        }
    }

    @Test func pruningRemovesEntriesButKeepsTheChainAndWhatIsInForce() async throws {
        let fixture = try TestLog()
        let log = try await series(fixture)
        #expect(await code { _ = try await log.prune(shard: 3, operator: "carol") } == .missingFile)
        let final = try verify(fixture)[0].checkpoint
        #expect(try await log.prune(shard: 1, operator: "carol") == final)
        #expect(await code { _ = try await log.prune(shard: 1, operator: "carol") } == .missingFile)
        #expect(try TestLog.files(in: fixture.directory + ".1") == ["checkpoint", "retained"])
        try await log.close()
        let shards = try verify(fixture, older: final)
        #expect(shards.map { $0.report == nil } == [true, false, false])
        var kept: [String] = []
        try LogSeries(directory: fixture.directory).forEach { (shard, _, bytes) throws(AuditLogError) in
            if shard == 1 { kept.append(try Entry(jsonBytes: bytes).kind.rawValue) }
        }
        #expect(kept == ["mint", "cutoff"], "the first entry, and what is in force")
        let record = try #require(PruningRecord(try RollbackTests.entries(fixture).last ?? Entry(kind: .mint)))
        #expect(record.count == 2 && record.checkpoint == final)
        #expect(try RollbackTests.entries(fixture).last?.kind == .logShardPruned)
        // It opens as before, and a kept entry that is changed is found.
        try await fixture.write(1, from: 9000)
        let path = fixture.directory + ".1/retained"
        var bytes = try read(path)
        let position = try #require(String(decoding: bytes, as: UTF8.self).utf8.count > 20 ? 20 : nil)
        bytes[position] ^= 1
        try write(bytes, to: path)
        #expect(code { _ = try verify(fixture) } != nil)
    }

    @Test func whatANewerVersionWroteIsFoundAndOutlivesAPruning() async throws {
        let fixture = try TestLog()
        let log = try fixture.open(options: TestLog.options(interval: .milliseconds(1)))
        try await fixture.append(3, to: log)
        try await log.appendForeign(kind: "revoked")
        let series = LogSeries(directory: fixture.directory)
        #expect(try series.entries(jti: "f").map(\.kind) == ["revoked"])
        log.rollOver()
        try await eventually { log.status.shard == 2 && log.status.checkpoint != nil }
        #expect(try series.pruned().isEmpty)
        _ = try await log.prune(shard: 1, operator: "carol")
        try await log.close()
        #expect(try series.pruned() == [1])
        var kept: [String] = []
        try series.forEach { (shard, _, bytes) throws(AuditLogError) in
            if shard == 1 { kept.append(String(decoding: bytes, as: UTF8.self)) }
        }
        #expect(kept.count == 2 && kept[1].contains("novelty"))
        _ = try verify(fixture)
    }

    @Test func aTamperedShardIsNotPruned() async throws {
        let fixture = try TestLog()
        let log = try await series(fixture)
        let path = fixture.directory + ".1/tile/0/000"
        var bytes = try read(path)
        bytes[5] ^= 1
        try write(bytes, to: path)
        #expect(await code { _ = try await log.prune(shard: 1, operator: "carol") } == .badTile)
        #expect(try TestLog.files(in: fixture.directory + ".1").contains("tile/0/001.p/46"))
        try await log.close()
    }

    /// Calls of a pruning that fail, from a number on: as a crash there, or a disk that fails, would leave it.
    private final class Calls: Sendable {
        private let first: Int
        private let made = Mutex(0)

        init(failingFrom first: Int = .max) { self.first = first }

        var count: Int { made.withLock { $0 } }

        func fails() -> Bool {
            made.withLock { count in
                count += 1
                return count > first
            }
        }
    }

    private static func operations(_ calls: Calls) -> FileOperations {
        let system = FileOperations.system
        let fails: @Sendable () -> Bool = { calls.fails() }
        return FileOperations(
            write: { fails() ? -Int(EIO) : system.write($0, $1, $2) },
            syncData: { fails() ? EIO : system.syncData($0) }, sync: { fails() ? EIO : system.sync($0) },
            rename: { fails() ? EIO : system.rename($0, $1) }, freeBytes: system.freeBytes,
            remove: { fails() ? EIO : system.remove($0) })
    }

    @Test func aPruningThatWasCutShortAnywhereCanBeFinished() async throws {
        let fixture = try TestLog()
        let log = try await series(fixture)
        let path = fixture.directory + ".1"
        try FileManager.default.copyItem(atPath: path, toPath: fixture.root + "/whole")
        var (first, total) = (0, 1)
        while first < total {
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.copyItem(atPath: fixture.root + "/whole", toPath: path)
            let (shard, operations) = (
                PrunedShard(directory: path), Self.operations(Calls(failingFrom: first))
            )
            let fault = code {
                _ = try shard.retain(isRetained: { $0.kind.isState }, operations: operations)
                try shard.removeEntries(operations)
            }
            #expect(fault == .system, "call \(first)")
            // Where all was done but to make it durable, it is as good as done.
            let again = await code { _ = try await log.prune(shard: 1, operator: "carol") }
            #expect(again == nil || again == .missingFile, "call \(first)")
            #expect(try TestLog.files(in: path) == ["checkpoint", "retained"], "call \(first)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: path).count == 2, "call \(first)")
            // How many there are, a run without a fault tells.
            if first == 0 { total = try self.calls(fixture) }
            first += 1
        }
        #expect(total > 10)
        try await log.close()
        #expect(try verify(fixture).map { $0.report == nil } == [true, false, false])
    }

    private func calls(_ fixture: TestLog) throws -> Int {
        let path = fixture.root + "/counted"
        try FileManager.default.copyItem(atPath: fixture.root + "/whole", toPath: path)
        let calls = Calls()
        let (shard, operations) = (PrunedShard(directory: path), Self.operations(calls))
        _ = try shard.retain(isRetained: { $0.kind.isState }, operations: operations)
        try shard.removeEntries(operations)
        return calls.count
    }

    @Test func withoutACheckpointOverItsRecordNothingIsPruned() async throws {
        let fixture = try TestLog()
        let log = try await series(fixture)
        fixture.signer.behave(.failing)
        #expect(await code { _ = try await log.prune(shard: 1, operator: "carol") } == .notSigned)
        #expect(try !LogSeries.isPruned(fixture.directory + ".1"))
        fixture.signer.behave(.good)
        _ = try await log.prune(shard: 1, operator: "carol")
        try await log.close()
        #expect(try verify(fixture).map { $0.report == nil } == [true, false, false])
    }
}
