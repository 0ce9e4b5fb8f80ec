import Synchronization

/// The configuration bundles that requests may be decided under: each has a `config.loaded` leaf of this run.
final class LoadedBundles: Sendable {
    private struct State {
        /// The number of each bundle's latest load.
        var loads: [String: UInt64] = [:]
        var latest: UInt64 = 0
    }

    /// How many bundles one run may load: a front that reloads without end is broken or hostile.
    private static let maximum = 10_000

    private let state = Mutex(State())

    /// A bundle's leaf is durable; the number of this load, or nil when there are too many bundles for one more.
    @discardableResult
    func admit(_ bundle: String) -> UInt64? {
        state.withLock { state in
            guard state.loads[bundle] != nil || state.loads.count < Self.maximum else { return nil }
            state.latest += 1
            state.loads[bundle] = state.latest
            return state.latest
        }
    }

    /// Forgets the bundles whose latest load came before this one; a bundle that was loaded again since stays.
    func retire(before load: UInt64) { state.withLock { $0.loads = $0.loads.filter { $0.value >= load } } }

    /// Forgets bundles, so that the front has to load them again.
    func keep(_ isKept: (String) -> Bool) { state.withLock { $0.loads = $0.loads.filter { isKept($0.key) } } }

    /// Whether requests may be decided under a bundle.
    func contains(_ bundle: String) -> Bool { state.withLock { $0.loads[bundle] != nil } }
}
