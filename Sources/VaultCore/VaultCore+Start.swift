package import AuditLog
import CVaultSystem
import Custody
import Foundation
import HSMBridge
package import Logging
package import StrictEncoding

extension VaultCore {
    /// Opens manifest, token and log in that order; whatever is wrong stops the start with one clear line.
    ///
    /// Under quorum custody the core comes up sealed: the log is open, no token is, and both sockets answer.
    /// `onFatal` is called when the log can take nothing any more: the process must end.
    package static func start(
        settings: CoreSettings, logger: Logger, clock: @escaping @Sendable () -> UnixTime, instance: String,
        timing: HSMGroup.Timing = HSMGroup.Timing(), serviceManager: ServiceManager? = nil,
        onFatal: @escaping @Sendable (AuditLogError) -> Void
    ) async throws -> VaultCore {
        let trust = try Trust.load(settings, manager: serviceManager, clock: clock)
        let manifest = trust.inForce.current.signed
        let settings = settings.completingEntries(from: trust.inForce)
        try checkRoutes(manifest, file: settings.manifestFile)
        let hsms =
            trust.custody == nil
            ? try await HSMGroup.open(settings, manifest: manifest, timing: timing, logger: logger)
            : HSMGroup.sealed(settings, manifest: manifest, timing: timing, logger: logger)
        do {
            if trust.custody != nil { try await hsms.lookAtStart() }
            try checkPlan(settings, manifest)
            let keys = try checkpointSigners(settings, manifest, hsms)
            let active = trust.custody == nil ? keys.filter(\.isActive) : []
            let signers = CheckpointSigners(active, trusted: keys.map(\.verifierKey))
            let log = try openLog(settings, manifest, signers: signers, clock: clock, onFatal: onFatal)
            let (revocations, standing) = try LiveRevocations.restore(
                settings, keys: keys.map(\.verifierKey), now: clock())
            let core = VaultCore(
                settings: settings, inForce: trust.inForce, custody: trust.custody, hsms: hsms, log: log,
                signers: signers, revocations: revocations, standing: standing,
                snapshots: RevocationSnapshots(settings, signers: active, logger: logger), instance: instance,
                clock: clock, logger: logger)
            do {
                try core.checkAgainstLog()
            } catch {
                try? await log.close()
                throw error
            }
            if !core.isSealed { await core.snapshots.saveAtRest(log.status, revocations, standing, now: clock()) }
            try await core.begin()
            core.settleSecrets()
            try await core.settleApprovals()
            await core.settleCeremonies()
            await core.watchCustody()
            return core
        } catch {
            // Else the tokens stay logged in, and the next start in this process is refused for that alone.
            await hsms.shutdown()
            throw error
        }
    }

    /// Opens the record of this run.
    ///
    /// A clock that is behind the log does not stop the start: a person vouches for it through the admin socket. Until
    /// then nothing can be recorded, so nothing is issued.
    private func begin() async throws(StartError) {
        let tokens = hsms.open.map(\.profile.info.serial).joined(separator: " ")
        var detail = ["token": tokens, "manifest_hash": inForce.current.hash, "instance": instance]
        if isSealed { detail["state"] = "sealed" }
        do throws(AuditLogError) {
            try await recordUntoldManifests()
            try await appendOwn(.adminCoreStarted, detail: detail)
        } catch {
            if error.code == .clockBehind { return recordStartLater(detail) }
            try? await log.close()
            throw StartError(file: settings.logDirectory, problem: "\(error)", mend: "see the log's disk and clock")
        }
    }

    private func recordStartLater(_ detail: [String: String]) {
        logger.error("the clock is behind the log: mend it, or vouch for it with audit accept-time")
        Task { [weak self] in
            while let self {
                do throws(AuditLogError) {
                    try await self.recordUntoldManifests()
                    try await self.appendOwn(.adminCoreStarted, detail: detail)
                    return
                } catch {
                    guard error.code == .clockBehind else { return }
                }
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    /// The configuration may ask for no key that the manifest does not hold.
    static func checkPlan(_ settings: CoreSettings, _ manifest: Manifest) throws(StartError) {
        for (index, plan) in settings.keys.enumerated() {
            guard
                manifest.keys.contains(where: {
                    $0.label == plan.label && $0.purpose.rawValue == plan.purpose && $0.algorithm == plan.algorithm
                })
            else {
                throw StartError(
                    file: settings.configurationFile, field: "keys[\(index)] (\(plan.label))",
                    problem: "the manifest \(settings.manifestFile) holds no such key",
                    mend: "generate it by a ceremony, or take it out of the configuration")
            }
        }
    }

    /// Keys of one label in several tokens are one route: whichever signs, the credential must be of one kind.
    static func checkRoutes(_ manifest: Manifest, file: String) throws(StartError) {
        var routes: [String: ManifestKey] = [:]
        for (index, key) in manifest.keys.enumerated() where key.purpose == .signing && key.state == .active {
            guard let first = routes[key.label] else {
                routes[key.label] = key
                continue
            }
            guard first.algorithm == key.algorithm, first.gate == key.gate else {
                throw StartError(
                    file: file, field: "keys[\(index)] (\(key.label))",
                    problem: "has another algorithm or gate than the key of this label in token \(first.token)",
                    mend: "retire one of them: active keys of one label stand in for each other")
            }
        }
    }

    /// One signer for the checkpoint key of each token, there or not: it signs as soon as its token can.
    ///
    /// Keys that sign no more stay trusted for what they have signed.
    static func checkpointSigners(
        _ settings: CoreSettings, _ manifest: Manifest, _ hsms: HSMGroup
    ) throws(StartError) -> [TokenCheckpointSigner] {
        let keys = manifest.keys.filter { $0.purpose == .checkpoint }
        let algorithms = [KeyAlgorithm.edDSA.rawValue, KeyAlgorithm.es256.rawValue]
        for key in keys where key.state == .active && !algorithms.contains(key.algorithm) {
            throw StartError(
                file: settings.manifestFile, field: "keys (\(key.label))",
                problem: "a checkpoint key must be EdDSA or ES256",
                mend: "generate one: signed notes are signed with Ed25519, or with ECDSA on P-256")
        }
        var signers: [TokenCheckpointSigner] = []
        do {
            for key in keys where [.active, .retiring, .retired, .destroyed].contains(key.state) {
                signers.append(try TokenCheckpointSigner(key, of: hsms, origin: settings.logOrigin))
            }
        } catch {
            throw StartError(
                file: settings.configurationFile, field: "audit.origin", problem: "\(error)",
                mend: "write a name without spaces and plus signs, like vault.example/log")
        }
        return signers
    }

    private static func openLog(
        _ settings: CoreSettings, _ manifest: Manifest, signers: CheckpointSigners,
        clock: @escaping @Sendable () -> UnixTime,
        onFatal: @escaping @Sendable (AuditLogError) -> Void
    ) throws(StartError) -> AuditLog {
        var options = settings.logOptions
        options.checkpointInterval = settings.checkpointInterval
        options.headroom = settings.headroom
        options.restorationReader = LogRestoration.reader(of: manifest, clock: clock)
        // The genesis that made the first manifest wrote into this log: nobody shall begin it anew unseen.
        options.isExpected = settings.custody == Manifest.Mode.quorum.rawValue
        if !settings.witnesses.isEmpty {
            options.witnesses = Witnesses(settings.witnesses, quorum: settings.witnessQuorum)
        }
        do {
            return try AuditLog.open(
                directory: settings.logDirectory, origin: settings.logOrigin, signers: signers, clock: clock,
                options: options, onFatal: onFatal)
        } catch {
            throw logFault(error, settings)
        }
    }

    private static func logFault(_ error: AuditLogError, _ settings: CoreSettings) -> StartError {
        let keys = settings.logDirectory + ".vkey"
        if error.path == keys {
            return StartError(
                file: keys, problem: "cannot be written (\(error.reason))",
                mend: "make its directory writable for the core's user")
        }
        if let record = settings.logOptions.lastCheckpointFile, error.code != .rolledBack,
            let path = error.path, path == record || path == record + ".new"
        {
            return StartError(
                file: settings.configurationFile, field: "audit.last_checkpoint",
                problem: "\(record) cannot be written (\(error.reason))",
                mend: "create its directory, for the core's user alone and not on the log's disk")
        }
        let isOlder = error.code == .rolledBack
        return StartError(
            file: settings.logDirectory, problem: "\(error)",
            mend: isOlder
                ? "see that audit.directory is the right one and its disk mounted; else put the newest copy back; if there is "
                    + "none: vault-appliance audit restore"
                : "see docs/operating.md, \"The log does not open\"")
    }
}
