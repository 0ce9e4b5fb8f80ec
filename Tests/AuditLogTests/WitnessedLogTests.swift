import Foundation
import StrictEncoding
import Synchronization
import Testing

@testable import AuditLog

@Suite(.timeLimit(.minutes(10))) struct WitnessedLogTests {
    /// Three witnesses of a log.
    private static func witnesses(_ fixture: TestLog, _ count: Int = 3) throws -> [TestWitness] {
        try (1...count).map { number in
            let witness = try TestWitness("witness.example/w\(number)", in: fixture.root)
            try witness.open([fixture.signer.verifierKey])
            return witness
        }
    }

    private static func options(_ witnesses: Witnesses, strict: Bool = true) -> AuditLogOptions {
        var options = TestLog.options(interval: .milliseconds(10))
        options.strict = strict
        options.witnesses = witnesses
        return options
    }

    /// Runs `body` while each witness's messenger is under way.
    private static func carrying(
        _ carried: [TestWitness], _ witnesses: Witnesses, isReachable: @escaping @Sendable (TestWitness) -> Bool,
        _ body: () async throws -> Void
    ) async throws {
        let messengers = carried.map { witness in
            Task { try await witness.carry(witnesses) { isReachable(witness) } }
        }
        defer { for messenger in messengers { messenger.cancel() } }
        try await body()
    }

    private static func result(of entry: Entry, _ log: AuditLog) async -> Result<Leaf, AuditLogError> {
        await withCheckedContinuation { continuation in log.append(entry) { continuation.resume(returning: $0) } }
    }

    @Test func underStrictAMintIsRecordedOnlyUnderAQuorum() async throws {
        let fixture = try TestLog()
        let all = try Self.witnesses(fixture)
        let witnesses = Witnesses(all.map(\.key), quorum: 2)
        let policy = try WitnessPolicy(keys: all.map(\.key), quorum: 2)
        let log = try fixture.open(options: Self.options(witnesses))
        // The third is away all the time.
        try await Self.carrying(all, witnesses, isReachable: { $0.key.name != "witness.example/w3" }) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        let leaf = try await log.append(TestLog.entry(number))
                        let note = try SignedNote(parsing: read(fixture.directory + "/witnessed"))
                        #expect(try policy.check(note).count >= 2)
                        #expect(try Checkpoint(text: note.text).size > leaf.index)
                    }
                }
                try await group.waitForAll()
            }
            let standings = log.status.witnesses
            #expect(standings.map { $0.size > 0 } == [true, true, false])
            #expect(standings[2].problem == "is not reachable" && standings[2].lag != nil)
        }
        try await log.close()
        let report = try LogVerifier.verify(
            directory: fixture.directory, verifierKeys: [fixture.signer.verifierKey], witnesses: policy)
        #expect(report.checkpoint.size == 100 && report.witnessed?.checkpoint.size == 100)
        #expect(report.witnessed?.cosignatures.count == 2)
        #expect(code { _ = try Self.verify(fixture, all, quorum: 3) } == .notWitnessed)
        // A copy that is put back keeps its cosignatures, but not young ones.
        #expect(try Self.verify(fixture, all, quorum: 2, since: UnixTime(seconds: 1_800_000_100)).count == 1)
        #expect(
            code { _ = try Self.verify(fixture, all, quorum: 2, since: UnixTime(seconds: 1_800_000_101)) }
                == .notWitnessed)
    }

    @Test func withoutAQuorumNothingIsReleasedAndWhatReleasesNothingIsRecorded() async throws {
        let fixture = try TestLog()
        let all = try Self.witnesses(fixture)
        let witnesses = Witnesses(all.map(\.key), quorum: 2)
        var options = Self.options(witnesses)
        options.strictPatience = .milliseconds(50)
        let log = try fixture.open(options: options)
        try await Self.carrying(all, witnesses, isReachable: { $0.key.name == "witness.example/w1" }) {
            let refused = await Self.result(of: TestLog.entry(0), log)
            #expect(throws: AuditLogError(.notSigned, "")) { try refused.get() }
            let denied = await Self.result(of: TestLog.entry(1, kind: .denied), log)
            #expect((try? denied.get())?.index == 1)
            try await eventually { log.status.witnessLag != nil }
        }
        try await Self.carrying(all, witnesses, isReachable: { _ in true }) {
            // Once there are two again it goes on; on a busy machine the first one's patience may be over by then.
            var number = 2
            while case .failure = await Self.result(of: TestLog.entry(number), log) { number += 1 }
        }
        try await log.close()
    }

    @Test func aLateWitnessStillGivesTheQuorumOfACheckpointThatAllWereShown() async throws {
        let fixture = try TestLog()
        let all = try Self.witnesses(fixture, 2)
        let witnesses = Witnesses(all.map(\.key), quorum: 2, patience: .seconds(60))
        let log = try fixture.open(options: Self.options(witnesses, strict: false))
        let isBack = Mutex(false)
        try await Self.carrying(
            all, witnesses, isReachable: { witness in witness === all[0] || isBack.withLock { $0 } }
        ) {
            for number in 0..<30 {
                try await fixture.append(1, from: number, to: log)
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(log.status.witnessedSize == 0)
            isBack.withLock { $0 = true }
            try await eventually { log.status.witnessedSize == 30 && log.status.witnessLag == nil }
        }
        try await log.close()
    }

    @Test func aWitnessThatKnowsMoreOrOtherThingsContradicts() async throws {
        let fixture = try TestLog()
        let all = try Self.witnesses(fixture, 1)
        let first = Witnesses(all.map(\.key), quorum: 1)
        var log = try fixture.open(options: Self.options(first, strict: false))
        try await fixture.append(20, to: log)
        try await Self.carrying(all, first, isReachable: { _ in true }) {
            try await eventually { first.witnessed.size == 20 }
        }
        try await log.close()
        let earlier = try fixture.copy()
        log = try fixture.open(options: Self.options(first, strict: false))
        try await fixture.append(20, from: 20, to: log)
        try await Self.carrying(all, first, isReachable: { _ in true }) {
            try await eventually { first.witnessed.size == 40 }
        }
        try await log.close()
        // The log is put back: the witness has cosigned more than there is.
        try FileManager.default.removeItem(atPath: fixture.directory)
        try FileManager.default.moveItem(atPath: earlier, toPath: fixture.directory)
        let second = Witnesses(all.map(\.key), quorum: 1)
        log = try fixture.open(options: Self.options(second, strict: false))
        try await Self.carrying(all, second, isReachable: { _ in true }) {
            try await eventually { second.standings[0].contradicts }
            #expect(second.standings[0].problem?.contains("40 entries") == true)
            // It grows again, with another history: of the known size and past it this is a fork.
            try await fixture.append(20, from: 100, to: log)
            try await eventually { second.standings[0].problem?.contains("another log of 40 entries: a fork") == true }
            #expect(second.standings[0].contradicts)
            try await fixture.append(10, from: 200, to: log)
            try await eventually { second.standings[0].problem?.contains("does not continue") == true }
        }
        #expect(second.witnessed.size == 0)
        try await log.close()
    }

    /// Verifies all shards of a log, of which these are the witnesses.
    private static func verify(
        _ fixture: TestLog, _ witnesses: [TestWitness], quorum: Int = 1, from shard: UInt64 = 1, since: UnixTime? = nil
    ) throws -> [SeriesVerifier.Shard] {
        var demands = SeriesVerifier.Demands()
        demands.witnesses = try WitnessPolicy(keys: witnesses.map(\.key), quorum: quorum)
        (demands.firstWitnessed, demands.witnessedSince) = (shard, since)
        return try SeriesVerifier(
            directory: fixture.directory, verifierKeys: [fixture.signer.verifierKey], demands: demands
        ).verify().shards
    }

    /// Three shards of a log that need not be strict.
    private func rolledOver(_ fixture: TestLog, _ all: [TestWitness]) async throws {
        let witnesses = Witnesses(all.map(\.key), quorum: 1)
        var options = Self.options(witnesses, strict: false)
        options.closeTimeout = .seconds(30)
        options.strictPatience = .seconds(30)
        let log = try fixture.open(options: options)
        try await Self.carrying(all, witnesses, isReachable: { _ in true }) {
            for shard in 1...2 {
                try await fixture.append(50, from: shard * 1000, to: log)
                log.rollOver()
                try await eventually { log.status.shard == UInt64(shard) + 1 }
            }
            try await fixture.append(5, from: 3000, to: log)
            try await eventually { log.status.witnessedSize == 6 }
        }
        try await log.close()
    }

    @Test func everyShardIsCosignedToItsEnd() async throws {
        let fixture = try TestLog()
        let all = try Self.witnesses(fixture, 1)
        try await rolledOver(fixture, all)
        let shards = try Self.verify(fixture, all)
        #expect(shards.map { $0.witnessed?.checkpoint } == shards.map(\.checkpoint))
        #expect(shards.map(\.checkpoint.size) == [51, 52, 6])
    }

    @Test func aClosedShardThatWitnessesNeverSawIsFoundUnlessTheyCameLater() async throws {
        let fixture = try TestLog()
        let all = try Self.witnesses(fixture, 1)
        try await rolledOver(fixture, all)
        // The owner, who has the key, signs the end of the first shard anew and forgets what witnesses said of it.
        try await fixture.resign(".1", by: fixture.signer)
        let witnessed = try read(fixture.directory + ".1/witnessed")
        try FileManager.default.removeItem(atPath: fixture.directory + ".1/witnessed")
        #expect(code { _ = try Self.verify(fixture, all) } == .notWitnessed)
        #expect(try Self.verify(fixture, all, from: 2).count == 3)
        try write(witnessed, to: fixture.directory + ".1/witnessed")
        #expect(try Self.verify(fixture, all).count == 3)
    }

    @Test func withoutItsWitnessesAShardGoesOn() async throws {
        let fixture = try TestLog()
        let all = try Self.witnesses(fixture, 1)
        let witnesses = Witnesses(all.map(\.key), quorum: 1)
        var options = Self.options(witnesses, strict: false)
        options.strictPatience = .milliseconds(50)
        options.closeTimeout = .seconds(30)
        let log = try fixture.open(options: options)
        try await Self.carrying(all, witnesses, isReachable: { _ in false }) {
            try await fixture.append(20, to: log)
            log.rollOver()
            // Held meanwhile, and recorded in the shard that goes on: behind the entry that should have closed it.
            #expect(try await fixture.append(1, from: 20, to: log).first?.index == 21)
            #expect(log.status.shard == 1)
        }
        try await Self.carrying(all, witnesses, isReachable: { _ in true }) {
            try await eventually {
                if log.status.shard == 1 { log.rollOver() }
                return log.status.shard == 2
            }
        }
        try await log.close()
    }

    @Test func aWitnessedCheckpointOfAnotherHistoryIsFound() async throws {
        let fixture = try TestLog()
        let all = try Self.witnesses(fixture, 1)
        let witnesses = Witnesses(all.map(\.key), quorum: 1)
        let log = try fixture.open(options: Self.options(witnesses))
        try await Self.carrying(all, witnesses, isReachable: { _ in true }) {
            try await fixture.append(10, to: log)
        }
        let witnessed = try read(fixture.directory + "/witnessed")
        try await log.close()
        let other = try TestLog()
        let copy = other.root + "/copy"
        try FileManager.default.copyItem(atPath: fixture.directory, toPath: copy)
        // The same key, the same name, another history, signed by the log alone.
        try FileManager.default.removeItem(atPath: fixture.directory)
        fixture.time.withLock { $0 = UnixTime(seconds: 1_800_000_500) }
        try await fixture.write(12)
        try write(witnessed, to: fixture.directory + "/witnessed")
        let policy = try WitnessPolicy(keys: all.map(\.key), quorum: 1)
        func verify(_ directory: String) throws {
            _ = try LogVerifier.verify(
                directory: directory, verifierKeys: [fixture.signer.verifierKey], witnesses: policy)
        }
        #expect(code { try verify(fixture.directory) } == .rolledBack)
        #expect(code { try verify(copy) } == nil)
        // An older copy beside what witnesses have seen.
        try FileManager.default.removeItem(atPath: fixture.directory)
        try await fixture.write(5)
        try write(witnessed, to: fixture.directory + "/witnessed")
        #expect(code { try verify(fixture.directory) } == .rolledBack)
    }

    @Test func aReceiptCarriesTheCosignatures() async throws {
        let fixture = try TestLog()
        let all = try Self.witnesses(fixture, 2)
        let witnesses = Witnesses(all.map(\.key), quorum: 2)
        let log = try fixture.open(options: Self.options(witnesses))
        try await Self.carrying(all, witnesses, isReachable: { _ in true }) {
            try await fixture.append(10, to: log)
        }
        // More entries, whose checkpoint nobody has cosigned.
        try await fixture.append(10, from: 10, kind: .denied, to: log)
        try await log.close()
        let (_, entry) = try Self.entry(3, fixture)
        let prover = try LogProver(directory: fixture.directory)
        let proof = try prover.proof(index: 3, entry: entry, prefersWitnessed: true)
        try proof.verify(entry: entry, keys: [fixture.signer.verifierKey])
        let policy = try WitnessPolicy(keys: all.map(\.key), quorum: 2)
        #expect(try policy.check(SignedNote(parsing: proof.note)).count == 2)
        let plain = try prover.proof(index: 3, entry: entry)
        #expect(try Checkpoint(text: SignedNote(parsing: plain.note).text).size == 20)
        #expect(code { try policy.check(SignedNote(parsing: plain.note)) } == .notWitnessed)
    }

    @Test func aCosignatureThatCameWhileTheDiskWasFullIsNotLost() async throws {
        let fixture = try TestLog()
        let faults = FaultSwitch()
        let all = try Self.witnesses(fixture, 1)
        let witnesses = Witnesses(all.map(\.key), quorum: 1)
        let log = try fixture.open(options: Self.options(witnesses, strict: false), operations: faults.operations)
        let isReachable = Mutex(false)
        try await Self.carrying(all, witnesses, isReachable: { _ in isReachable.withLock { $0 } }) {
            try await fixture.append(20, to: log)
            try await eventually { log.status.checkpoint?.size == 20 }
            faults.set(.noSpace)
            isReachable.withLock { $0 = true }
            try await eventually { log.status.checkpointProblem?.code == .diskFull }
            faults.set(.none)
            // Without one entry more: no new checkpoint comes that could be cosigned instead.
            try await eventually { FileManager.default.fileExists(atPath: fixture.directory + "/witnessed") }
        }
        try await log.close()
        let witnessed = try SignedNote(parsing: read(fixture.directory + "/witnessed"))
        #expect(try WitnessPolicy(keys: all.map(\.key), quorum: 1).check(witnessed).count == 1)
    }

    private static func entry(_ index: UInt64, _ fixture: TestLog) throws -> (UInt64, [UInt8]) {
        var found: [UInt8] = []
        try LogReader(directory: fixture.directory).forEach(in: index..<index + 1) {
            (_, bytes) throws(AuditLogError) in found = bytes
        }
        return (index, found)
    }
}
