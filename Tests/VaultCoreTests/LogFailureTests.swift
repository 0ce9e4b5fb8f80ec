import CoreProtocol
import Crypto
import Foundation
import Glibc
import Logging
import StrictEncoding
import Synchronization
import Testing

@testable import AuditLog
@testable import VaultCore

/// A log that cannot record: nothing is released any more.
@Suite(.timeLimit(.minutes(10))) struct LogFailureTests {
    @Test("after a sync that failed nothing is released, and the core is told to end", arguments: [EIO, ENOSPC])
    func failedSync(number: Int32) async throws {
        try await CoreFixture.run { fixture in
            let disk = FailingDisk()
            let core = try Self.core(fixture, disk.operations)
            let failing = CoreFixture(site: fixture.site, core: core, fatal: fixture.fatal)
            try await failing.loadBundle()
            _ = try await core.sign(try failing.draft().request)
            disk.fail(number)
            let codes = await withTaskGroup(of: CoreError.Code?.self) { group in
                for label in ["sign-es256", "sign-eddsa", "sign-rs256", "sign-ps256"] {
                    for _ in 0..<10 { group.addTask { await Self.code(failing, label) } }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(codes == [CoreError.Code?](repeating: .logUnavailable, count: 40))
            // The disk is well again, the log is not: a failed sync is never taken back.
            disk.fail(0)
            #expect(await Self.code(failing, "sign-es256") == .logUnavailable)
            #expect(fixture.fatal.all.map(\.code) == [.failed])
            #expect(core.description.faults.contains { $0.hasPrefix("log: failed") })
            #expect(core.status.object?["state"] == "faulty")
            await #expect(throws: AuditLogError(.failed, "")) { try await core.log.close() }
        }
    }

    @Test func anEnvelopeWhoseLeafMayBeOnTheDiskStaysAndOneWhoseLeafIsNotGoes() async throws {
        try await CoreFixture.run { fixture in
            let disk = FailingDisk()
            let core = try Self.core(fixture, disk.operations, headroom: 1 << 20)
            let secrets = SecretsOfACore(fixture: CoreFixture(site: fixture.site, core: core, fatal: fixture.fatal))
            try await secrets.store(try secrets.envelope())
            let beside = secrets.file().path + ".next"
            disk.leave(0)
            try await Self.until { core.log.status.room == .none }
            let second = try secrets.envelope(version: 2)
            #expect(await secrets.code { try await secrets.store(second, rotate: true) } != nil)
            #expect(!FileManager.default.fileExists(atPath: beside))
            disk.leave(1 << 30)
            try await Self.until { core.log.status.room == .ample }
            disk.fail(EIO)
            #expect(await secrets.code { try await secrets.store(second, rotate: true) } != nil)
            #expect(FileManager.default.fileExists(atPath: beside))
            await #expect(throws: AuditLogError(.failed, "")) { try await core.log.close() }
        }
    }

    @Test func aFullDiskRefusesUntilThereIsRoomAgain() async throws {
        try await CoreFixture.run { fixture in
            let disk = FailingDisk()
            let core = try Self.core(fixture, disk.operations, headroom: 1 << 20)
            let failing = CoreFixture(site: fixture.site, core: core, fatal: fixture.fatal)
            try await failing.loadBundle()
            disk.leave(1 << 19)
            try await Self.until { core.log.status.room == .reserve }
            // What is left is for mints: denials and configurations wait.
            let denial = await #expect(throws: CoreError.self) { try await core.append(Entry(kind: .denied)) }
            #expect(denial?.code == .logUnavailable)
            #expect(await Self.code(failing, "sign-es256") == nil)
            disk.leave(0)
            try await Self.until { core.log.status.room == .none }
            #expect(await Self.code(failing, "sign-es256") == .logUnavailable)
            disk.leave(1 << 30)
            try await Self.until { core.log.status.room == .ample }
            #expect(await Self.code(failing, "sign-es256") == nil)
            #expect(fixture.fatal.all.isEmpty)
            try await core.log.close()
        }
    }

    @Test func withoutCheckpointsForLongNothingIsIssuedAndDenialsAreRecorded() async throws {
        try await CoreFixture.run { fixture in
            let core = try Self.core(fixture, .system, signers: [SilentSigner()], patience: .milliseconds(300))
            let failing = CoreFixture(site: fixture.site, core: core, fatal: fixture.fatal)
            try await failing.loadBundle()
            try await Self.until { core.log.isCheckpointOverdue }
            let before = core.log.status.size
            #expect(await Self.code(failing, "sign-es256") == .logUnavailable)
            #expect(core.description.faults.contains { $0.contains("nothing is issued until one is") })
            // Not even the token was asked, so there is nothing to take back.
            #expect(core.log.status.size == before)
            _ = try await core.append(Entry(kind: .denied))
            #expect(core.log.status.size == before + 1)
            core.signers.replace(with: [
                try TokenCheckpointSigner(
                    try fixture.key("checkpoint"), of: core.hsms, origin: core.settings.logOrigin)
            ])
            try await Self.until { !core.log.isCheckpointOverdue }
            #expect(await Self.code(failing, "sign-es256") == nil)
            try await core.log.close()
        }
    }

    @Test func aLastCheckpointThatCannotBeKeptIsSaidByStatusReadinessAndTheLog() async throws {
        try await CoreSite.withGenesis { site in
            var site = site
            let record = site.directory + "/record"
            try FileManager.default.createDirectory(atPath: record, withIntermediateDirectories: false)
            site.settings.logOptions.lastCheckpointFile = record + "/last"
            let (clock, said) = (site.clock, CapturedLog())
            let core = try await VaultCore.start(
                settings: site.settings, logger: said.logger, clock: { clock.now }, instance: "failing",
                onFatal: { _ in })
            let watch = Task { await core.watchWarnings() }
            try FileManager.default.removeItem(atPath: record)
            let words = "log: the last checkpoint cannot be kept"
            while !core.description.warnings.contains(where: { $0.hasPrefix(words) }) {
                try await core.appendOwn(.adminCoreStarted, detail: [:])
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(core.status.object?["state"] == "degraded")
            while !said.texts(from: .warning).contains(where: { $0.hasPrefix(words) }) {
                try await Task.sleep(for: .milliseconds(20))
            }
            watch.cancel()
            await watch.value
            await core.shutdown()
        }
    }

    /// A core with the fixture's token, manifest and keys, and a log of its own on another disk.
    private static func core(
        _ fixture: CoreFixture, _ operations: FileOperations, headroom: Int64 = 0,
        signers others: [any CheckpointSigner]? = nil, patience: Duration = AuditLogOptions().checkpointPatience
    ) throws -> VaultCore {
        let running = fixture.core
        var options = AuditLogOptions()
        options.headroom = headroom
        options.checkpointPatience = patience
        options.checkpointInterval = .milliseconds(50)
        let signer = try TokenCheckpointSigner(
            try fixture.key("checkpoint"), of: running.hsms, origin: running.settings.logOrigin)
        let signers = CheckpointSigners(others ?? [signer], trusted: [signer.verifierKey])
        let log = try AuditLog.open(
            directory: fixture.site.directory + "/failing", origin: running.settings.logOrigin,
            signers: signers, clock: running.clock, options: options, operations: operations,
            onFatal: { fixture.fatal.add($0) })
        return VaultCore(
            settings: running.settings, inForce: running.inForce, custody: nil, hsms: running.hsms, log: log,
            signers: signers, revocations: LiveRevocations([], now: 0), standing: StandingLeaves(),
            snapshots: RevocationSnapshots(running.settings, signers: [signer], logger: .silent), instance: "failing",
            clock: running.clock, logger: .silent)
    }

    /// The code a signature is refused with; nil when it is released.
    private static func code(_ fixture: CoreFixture, _ label: String) async -> CoreError.Code? {
        do {
            _ = try await fixture.core.sign(try fixture.draft(label).request)
            return nil
        } catch {
            return (error as? CoreError)?.code
        }
    }

    private static func until(_ condition: () -> Bool) async throws {
        while !condition() { try await Task.sleep(for: .milliseconds(5)) }
    }
}

/// A checkpoint key that never signs.
private struct SilentSigner: CheckpointSigner {
    let verifierKey: VerifierKey

    init() throws {
        let key = Curve25519.Signing.PrivateKey().publicKey
        verifierKey = try VerifierKey(
            name: "vault.example/log", algorithm: .ed25519, publicKey: Array(key.rawRepresentation))
    }

    func sign(_ text: [UInt8]) async throws -> [UInt8] { throw AuditLogError(.notSigned, "is silent") }
}

/// A disk whose syncs fail and whose room ends when a test says so.
private final class FailingDisk: Sendable {
    private let failure = Mutex<Int32>(0)
    private let free = Mutex<Int64>(1 << 30)

    func fail(_ number: Int32) { failure.withLock { $0 = number } }
    func leave(_ bytes: Int64) { free.withLock { $0 = bytes } }

    var operations: FileOperations {
        let system = FileOperations.system
        var operations = system
        operations.syncData = { descriptor in
            let number = self.failure.withLock { $0 }
            return number == 0 ? system.syncData(descriptor) : number
        }
        operations.freeBytes = { _ in self.free.withLock { $0 } }
        return operations
    }
}
