package import AuditLog
import CoreProtocol
package import Custody
package import Logging
package import StrictEncoding

/// The core: the only process that opens the tokens and writes the log (docs/operating.md, "The two processes").
///
/// It trusts the front for nothing it can check itself, and releases nothing before its record is durable.
package final class VaultCore: Sendable {
    package let settings: CoreSettings
    /// The manifest in force, and how it came to be.
    package let inForce: ManifestInForce
    package let hsms: HSMGroup
    package let log: AuditLog
    /// What is revoked and cut off.
    package let revocations: LiveRevocations
    /// What the log says of the appliance itself.
    package let standing: StandingLeaves
    /// Who signs checkpoints of the log: nobody while the core is sealed.
    let signers: CheckpointSigners
    /// What custodians can do; nil under development custody.
    let custody: QuorumCustody?
    /// The ceremonies that run in this core.
    package let ceremonies = CeremonyRoom()
    let snapshots: RevocationSnapshots
    package let clock: @Sendable () -> UnixTime
    package let logger: Logger
    /// Random per start; a front that sees another one loads its bundle again.
    package let instance: String
    package let started: UnixTime
    /// Hashes of the configuration bundles that a `config.loaded` leaf of this run covers.
    let bundles = LoadedBundles()
    /// One change of a sealed secret after the other.
    let secretTurns = Turns()
    /// Keeps floods of refusals from filling the log.
    let denials: DenialAggregator

    init(
        settings: CoreSettings, inForce: ManifestInForce, custody: QuorumCustody?, hsms: HSMGroup, log: AuditLog,
        signers: CheckpointSigners, revocations: LiveRevocations, standing: StandingLeaves,
        snapshots: RevocationSnapshots, instance: String,
        clock: @escaping @Sendable () -> UnixTime, logger: Logger
    ) {
        self.settings = settings
        self.inForce = inForce
        self.custody = custody
        self.standing = standing
        self.signers = signers
        self.hsms = hsms
        self.log = log
        self.revocations = revocations
        self.snapshots = snapshots
        self.instance = instance
        self.clock = clock
        self.logger = logger
        self.started = clock()
        denials = DenialAggregator(clock: clock) { entry in
            var entry = entry
            inForce.current.complete(&entry)
            log.append(entry) { result in
                if case .failure(let error) = result {
                    logger.error("counted denials could not be recorded", metadata: ["reason": "\(error)"])
                }
            }
        }
    }

    /// The keys of the tokens that are open.
    package var keys: KeyRing { hsms.keys }

    /// The manifest in force, with quarantined keys in that state.
    package var manifest: Manifest { inForce.current.effective }

    /// Forgets bundles, so that the front has to load them again.
    func readmit(_ isKept: (String) -> Bool) { bundles.keep(isKept) }

    /// Refuses an entry under a bundle that no leaf of this run names.
    func checkBundle(_ entry: Entry) throws(CoreError) {
        guard let bundle = entry.bundle, bundles.contains(bundle) else {
            throw CoreError(.refused, "entry.bundle: has no config.loaded leaf in this run of the core")
        }
    }

    /// Stops the log, then the tokens, one of which has to sign the log's last checkpoint.
    ///
    /// What is not recorded by then is not released either. False when a call hangs inside a PKCS#11 library: then only
    /// `_exit` is safe.
    @discardableResult
    package func shutdown() async -> Bool {
        await custody?.stop()
        for desk in await ceremonies.forgetAll("the core stopped") { await recordEnded(desk) }
        denials.flush()
        _ = try? await appendOwn(.adminCoreStopped, detail: [:])
        do {
            try await log.close()
        } catch  where error.code == .notSigned && isSealed {
            // No token is open, so nobody can sign: the entries are in the journal, and stay.
            logger.info("the newest entries have no checkpoint yet: the next activation gives them one")
        } catch {
            logger.error("the log did not close cleanly", metadata: ["reason": "\(error)"])
        }
        if !isSealed { await snapshots.saveAtRest(log.status, revocations, standing, now: clock()) }
        return await hsms.shutdown()
    }

    /// Appends an entry of the core's own.
    @discardableResult
    func appendOwn(_ kind: Entry.Kind, detail: [String: String]) async throws(AuditLogError) -> UInt64 {
        var entry = Entry(kind: kind)
        if !detail.isEmpty { entry.detail = detail }
        return try await outcome(of: entry).get()
    }

    /// Records an entry of the core's own, completed; what stands is remembered.
    @discardableResult
    func record(_ entry: Entry) async throws(AuditLogError) -> UInt64 { try await outcome(of: entry).get() }

    /// The index of the entry's leaf, or why there is none.
    ///
    /// A result, since Swift 6.3 frees the error twice when it is thrown through two `async throws(AuditLogError)`.
    private func outcome(of entry: Entry) async -> Result<UInt64, AuditLogError> {
        var entry = entry
        inForce.current.complete(&entry)
        let completed = entry
        let result = await withCheckedContinuation { continuation in
            log.append(completed) { continuation.resume(returning: $0) }
        }
        return result.map { leaf in
            entry.time = leaf.time
            standing.add(entry)
            return leaf.index
        }
    }
}
