package import AuditLog
import CoreProtocol
package import Custody
package import Logging
package import StrictEncoding
import Synchronization

/// The core: the only process that opens the tokens and writes the log (docs/architecture.md).
///
/// It trusts the front for nothing it can check itself, and releases nothing before its record is durable.
package final class VaultCore: Sendable {
    package let settings: CoreSettings
    package let manifest: Manifest
    package let hsms: HSMGroup
    package let log: AuditLog
    /// What is revoked and cut off.
    package let revocations: LiveRevocations
    let snapshots: RevocationSnapshots
    package let clock: @Sendable () -> UnixTime
    package let logger: Logger
    /// Random per start; a front that sees another one loads its bundle again.
    package let instance: String
    package let started: UnixTime
    /// Hashes of the configuration bundles that a `config.loaded` leaf of this run covers.
    private let bundles = Mutex<Set<String>>([])
    /// Keeps floods of refusals from filling the log.
    let denials: DenialAggregator

    /// How many bundles one run may load: a front that reloads without end is broken or hostile.
    private static let maximumBundles = 10_000

    init(
        settings: CoreSettings, manifest: Manifest, hsms: HSMGroup, log: AuditLog, revocations: LiveRevocations,
        snapshots: RevocationSnapshots, instance: String,
        clock: @escaping @Sendable () -> UnixTime, logger: Logger
    ) {
        self.settings = settings
        self.manifest = manifest
        self.hsms = hsms
        self.log = log
        self.revocations = revocations
        self.snapshots = snapshots
        self.instance = instance
        self.clock = clock
        self.logger = logger
        self.started = clock()
        let (custody, version) = (manifest.custody.rawValue, manifest.version)
        denials = DenialAggregator(clock: clock) { entry in
            var entry = entry
            (entry.custody, entry.manifestVersion) = (custody, version)
            log.append(entry) { result in
                if case .failure(let error) = result {
                    logger.error("counted denials could not be recorded", metadata: ["reason": "\(error)"])
                }
            }
        }
    }

    /// The keys of the tokens that are open.
    package var keys: KeyRing { hsms.keys }

    /// A `config.loaded` leaf is durable: requests may now be decided under this bundle.
    func admit(_ bundle: String) {
        bundles.withLock { bundles in
            if bundles.count < Self.maximumBundles { bundles.insert(bundle) }
        }
    }

    /// Refuses an entry under a bundle that no leaf of this run names.
    func checkBundle(_ entry: Entry) throws(CoreError) {
        guard let bundle = entry.bundle, bundles.withLock({ $0.contains(bundle) }) else {
            throw CoreError(.refused, "entry.bundle: has no config.loaded leaf in this run of the core")
        }
    }

    /// Stops the log, then the tokens, one of which has to sign the log's last checkpoint.
    ///
    /// What is not recorded by then is not released either. False when a call hangs inside a PKCS#11 library: then only
    /// `_exit` is safe.
    @discardableResult
    package func shutdown() async -> Bool {
        denials.flush()
        _ = try? await appendOwn(.adminCoreStopped, detail: [:])
        do {
            try await log.close()
        } catch {
            logger.error("the log did not close cleanly", metadata: ["reason": "\(error)"])
        }
        await snapshots.saveAtRest(log.status, revocations, now: clock())
        return await hsms.shutdown()
    }

    /// Appends an entry of the core's own.
    @discardableResult
    func appendOwn(_ kind: Entry.Kind, detail: [String: String]) async throws(AuditLogError) -> UInt64 {
        var entry = Entry(kind: kind)
        entry.custody = manifest.custody.rawValue
        entry.manifestVersion = manifest.version
        if !detail.isEmpty { entry.detail = detail }
        return try await log.append(entry).index
    }
}
