import CoreProtocol
import Logging
import Synchronization

/// Targets for which nothing can be issued, as their key is quarantined, retired or not there.
final class TargetWatch: Sendable {
    private let bundles: BundleStore
    private let keys: KeyDirectory
    private let logger: Logger
    private let known = Mutex<Set<String>>([])

    /// A watch over the targets of whatever bundle is in force.
    init(bundles: BundleStore, keys: KeyDirectory, logger: Logger) {
        self.bundles = bundles
        self.keys = keys
        self.logger = logger
    }

    /// One line a target, for readiness; the others are served.
    var warnings: [String] {
        bundles.current.targets.withoutKey(keys).map { "target \($0.name): no active key (\($0.key))" }
    }

    /// Says in the log what has changed; called when the core has told of its keys.
    func look() {
        let now = Set(warnings)
        let before = known.withLock { known in
            defer { known = now }
            return known
        }
        for warning in now.subtracting(before).sorted() { logger.warning("\(warning)") }
        for warning in before.subtracting(now).sorted() { logger.notice("no longer: \(warning)") }
    }
}
