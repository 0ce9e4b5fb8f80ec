import Custody
import StrictEncoding
import Synchronization

/// The custodians' side of a core: whether it is sealed, what is open at its desk, and how it came to life.
final class QuorumCustody: Sendable {
    /// Where the core stands between inert and alive.
    enum Phase: String, Sendable {
        case sealed, activating, active, sealing
    }

    /// How the PINs came into memory.
    enum Origin: Sendable, Equatable {
        case custodians([String])
        /// The service manager kept them for the restart.
        case restartGrace
        /// A file gave them, where the quorum allows it.
        case unattended

        /// In one word, for status and the log.
        var name: String {
            switch self {
            case .custodians: "custodians"
            case .restartGrace: "restart-grace"
            case .unattended: "unattended"
            }
        }
    }

    private struct State {
        var phase = Phase.sealed
        var desk: ActivationDesk
        /// Signs requests for shares.
        var hostKey: SSHPrivateKey
        /// Why the last activation failed; nil after one that did not.
        var failure: String?
        var origin: Origin?
        var since: UnixTime?
        /// Counts what makes a front load its bundle again.
        var generation: Int64 = 0
        var watch: Task<Void, Never>?
    }

    let directory: CustodyDirectory
    /// Activations, sealings and manifests, one at a time.
    let turns = Turns()
    let grace: RestartGrace
    /// Orders that this run has carried out; one for another run is refused as such.
    let orders = SpentOrders()
    private let clock: @Sendable () -> UnixTime
    private let state: Mutex<State>
    private let hangs = Mutex(false)

    /// Custody of a verified chain; the host key must be the one that its newest manifest names.
    init(
        directory: CustodyDirectory, chain: ManifestChain, hostKey: SSHPrivateKey,
        manager: ServiceManager?, clock: @escaping @Sendable () -> UnixTime
    ) throws(CustodyError) {
        self.directory = directory
        self.clock = clock
        grace = RestartGrace(manager: manager)
        state = Mutex(State(desk: try Self.desk(chain, hostKey, clock), hostKey: hostKey))
    }

    private static func desk(
        _ chain: ManifestChain, _ hostKey: SSHPrivateKey, _ clock: @escaping @Sendable () -> UnixTime
    ) throws(CustodyError) -> ActivationDesk {
        try ActivationDesk(chain: chain, hostKey: hostKey, build: Executable.build, clock: clock)
    }

    var phase: Phase { state.withLock { $0.phase } }
    var desk: ActivationDesk { state.withLock { $0.desk } }
    /// The one that the manifest in force names.
    var hostKey: SSHPrivateKey { state.withLock { $0.hostKey } }
    var failure: String? { state.withLock { $0.failure } }
    var generation: Int64 { state.withLock { $0.generation } }
    /// How and when the core came to life; nil while it is sealed.
    var origin: (Origin, UnixTime)? {
        state.withLock { state in
            guard let origin = state.origin, let since = state.since else { return nil }
            return (origin, since)
        }
    }

    /// Whether a call hung inside a PKCS#11 library while the core was sealed: the process must end.
    var callHangs: Bool {
        get { hangs.withLock { $0 } }
        set { hangs.withLock { $0 = newValue } }
    }

    /// From sealed to activating; false when the core is not sealed.
    func beginActivation() -> Bool {
        state.withLock { state in
            guard state.phase == .sealed else { return false }
            state.phase = .activating
            return true
        }
    }

    /// The tokens are open and the leaf is durable.
    func activated(by origin: Origin) {
        state.withLock { state in
            // A sealing that was ordered meanwhile stays ordered.
            guard state.phase == .activating else { return }
            state.phase = .active
            (state.origin, state.since, state.failure) = (origin, clock(), nil)
            state.generation += 1
        }
    }

    /// The core holds no PIN any more, or got none.
    func sealed(failure: String?) {
        state.withLock { state in
            state.phase = .sealed
            (state.origin, state.since) = (nil, nil)
            state.failure = failure
        }
    }

    /// Nothing is signed from here on.
    func beginSealing() { state.withLock { $0.phase = .sealing } }

    /// The key that a manifest names: the one in use, or one that waits until the manifest is in force.
    func hostKey(of manifest: Manifest) throws(CustodyError) -> SSHPrivateKey {
        let key = hostKey
        return manifest.names(hostKey: key.publicKey) ? key : try directory.hostKey(of: manifest)
    }

    /// Asks the custodians of another manifest from here on, in the name of its host key.
    ///
    /// Open requests are for the old one, and are closed.
    func replaceDesk(with chain: ManifestChain, hostKey: SSHPrivateKey) throws(CustodyError) -> ActivationDesk {
        let desk = try Self.desk(chain, hostKey, clock)
        return state.withLock { state in
            let old = state.desk
            old.closeAll("another manifest came into force")
            (state.desk, state.hostKey) = (desk, hostKey)
            state.generation += 1
            return old
        }
    }

    /// Runs beside the core until `stop`.
    func watch(_ body: @escaping @Sendable () async -> Void) {
        state.withLock { $0.watch = Task { await body() } }
    }

    /// Ends the watch and forgets every share.
    func stop() async {
        let watch = state.withLock { state in
            state.desk.closeAll("the core stopped")
            return state.watch
        }
        watch?.cancel()
        await watch?.value
    }
}
