import Custody
import Synchronization

/// Keeps the PINs with the service manager while the core is alive, so that it lives on after a restart within the
/// quorum's limit (docs/operating.md, "Sealed, and how it comes to life").
///
/// The time runs from the core's last sign of life: what is kept is renewed four times within the limit. Two names take
/// turns, so that there is always one that is whole.
final class RestartGrace: Sendable {
    private static let prefix = "vault-pins-"
    private static let names = [prefix + "a", prefix + "b"]

    private struct State {
        var turn = 0
        /// What is kept ends then, in milliseconds since the boot; nil when nothing is kept.
        var expires: Int64?
        var renewal: Int64 = 0
        var problem: String?
    }

    private let manager: ServiceManager?
    private let state = Mutex(State())

    /// With a service manager, if this process has one.
    init(manager: ServiceManager?) { self.manager = manager }

    /// Why what should be kept is not; nil when all is well.
    var problem: String? { state.withLock { $0.problem } }

    /// For how many seconds from now a restart would need no custodians; nil when nothing is kept.
    var keptFor: Int64? {
        state.withLock { $0.expires }.map { max(0, ($0 - KeptPINs.now) / 1000) }
    }

    /// Renews what is kept when it is time; `pins` are nil when there are none to keep.
    func renew(_ pins: [String: LockedBytes]?, _ manifest: Manifest) {
        let limit = manifest.dials.restartGrace
        guard let pins, limit > 0, let epoch = manifest.activation?.epoch else { return forget() }
        guard let manager else {
            return state.withLock {
                $0.problem = "restart_grace: there is no service manager that keeps descriptors (NOTIFY_SOCKET)"
            }
        }
        let now = KeptPINs.now
        let place = state.withLock { state -> Int? in
            guard now >= state.renewal else { return nil }
            state.renewal = now + max(1000, limit * 1000 / 4)
            state.turn = 1 - state.turn
            return state.turn
        }
        guard let place else { return }
        do {
            let kept = KeptPINs(appliance: manifest.appliance, epoch: epoch, pins: pins, seconds: limit)
            let file = try SealedMemoryFile(name: Self.names[place], try kept.encoded())
            try manager.keep(file, name: Self.names[place])
            try manager.remove(name: Self.names[1 - place])
            state.withLock { ($0.expires, $0.problem) = (kept.expires, nil) }
        } catch {
            state.withLock { $0.problem = "restart_grace: \(error.reason)" }
        }
    }

    /// Has the manager forget everything.
    func forget() {
        let isKept = state.withLock { state in
            defer { (state.expires, state.renewal, state.problem) = (nil, 0, nil) }
            return state.expires != nil
        }
        if isKept { clear() }
    }

    /// The PINs that were kept for this start, and why others were refused; the manager forgets them all.
    func take(_ manifest: Manifest) -> (pins: [String: LockedBytes]?, refusals: [String]) {
        let found = manager?.descriptors(named: Self.prefix) ?? []
        guard !found.isEmpty else { return (nil, []) }
        var good: [KeptPINs] = []
        var refusals: [String] = []
        for (_, descriptor) in found {
            let file = SealedMemoryFile(inheriting: descriptor)
            do throws(CustodyError) {
                let kept = try KeptPINs(decoding: try file.read())
                try kept.check(manifest)
                good.append(kept)
            } catch {
                refusals.append(error.reason)
            }
        }
        clear()
        return (good.max { $0.expires < $1.expires }?.pins, refusals)
    }

    private func clear() {
        for name in Self.names {
            do throws(CustodyError) {
                try manager?.remove(name: name)
            } catch {
                state.withLock { $0.problem = "restart_grace: what is kept could not be cleared: \(error.reason)" }
            }
        }
    }
}
