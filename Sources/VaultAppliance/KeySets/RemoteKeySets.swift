package import Logging
import Minting
package import NIOCore
import ServiceLifecycle
package import StrictEncoding
import Synchronization

/// All key sets that are fetched: those of the bundle in force, each by a task of its own.
package final class RemoteKeySets: Service {
    private let sets = Mutex<[RemoteKeySet.Identity: RemoteKeySet]>([:])
    private let starts: AsyncStream<RemoteKeySet>
    private let start: AsyncStream<RemoteKeySet>.Continuation
    private let group: any EventLoopGroup
    private let logger: Logger
    private let clock: @Sendable () -> UnixTime

    /// No sets yet.
    package init(group: any EventLoopGroup, logger: Logger, clock: @escaping @Sendable () -> UnixTime) {
        self.group = group
        self.logger = logger
        self.clock = clock
        (starts, start) = AsyncStream.makeStream()
    }

    /// The sets of the bundle in force, in order of their owners.
    var current: [RemoteKeySet] {
        sets.withLock { Array($0.values) }.sorted { $0.identity.owner.description < $1.identity.owner.description }
    }

    /// The set with an identity: the one in use, or one that is fetched as soon as it is.
    func set(_ identity: RemoteKeySet.Identity) -> RemoteKeySet {
        sets.withLock { $0[identity] } ?? RemoteKeySet(identity)
    }

    /// Puts the sets of a bundle in use: new ones are fetched from now on, those it does not have no more.
    package func use(_ next: RemoteKeySetList) {
        let (added, removed) = sets.withLock { sets in
            let old = sets
            sets = Dictionary(next.sets.map { ($0.identity, $0) }) { first, _ in first }
            return (
                sets.values.filter { old[$0.identity] == nil }, old.values.filter { sets[$0.identity] == nil }
            )
        }
        for set in added { start.yield(set) }
        for set in removed { set.stop() }
    }

    /// Fetches until the process is told to stop.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { tasks in
                for await set in self.starts {
                    tasks.addTask { await set.run(group: self.group, logger: self.logger, clock: self.clock) }
                }
                tasks.cancelAll()
            }
        }
    }

    /// What an operator wants to know of each set, for readiness; staleness alone does not make the front unready,
    /// since the others' tokens are served.
    func report(now: UnixTime) -> JSONValue? {
        let current = current
        guard !current.isEmpty else { return nil }
        return .array(
            current.map { set in
                var object = JSONObject([
                    .init(name: "owner", value: .string(set.identity.owner.description)),
                    .init(name: "usable", value: .bool(set.keys.usable(at: now) != nil)),
                ])
                object["age_seconds"] = set.keys.fetchedAt.map { .integer(max(0, now.seconds - $0.seconds)) }
                object["fault"] = set.status.fault.map { .string($0) }
                return .object(object)
            })
    }

    /// Registers metrics of the sets that are in use when they are printed.
    func register(in registry: MetricsRegistry) {
        follow("vault_jwks_usable", "Whether there are fetched keys that may be used.", registry) { set in
            set.keys.usable(at: self.clock()) == nil ? 0 : 1
        }
        follow(
            "vault_jwks_age_seconds", "Time since the keys in force were fetched; -1 before the first time.", registry
        ) { set in
            set.keys.fetchedAt.map { Double(self.clock().milliseconds - $0.milliseconds) / 1000 } ?? -1
        }
        follow(
            "vault_jwks_fetch_failures_total",
            "Fetches of keys that failed since the front started or the key set changed.", registry, .counter
        ) { Double($0.status.failures) }
    }

    private func follow(
        _ name: String, _ help: String, _ registry: MetricsRegistry, _ kind: MetricsRegistry.Kind = .gauge,
        _ value: @escaping @Sendable (RemoteKeySet) -> Double
    ) {
        registry.follow(kind, name, help, labels: ["kind", "name"]) {
            self.current.map { ([$0.identity.owner.kind, $0.identity.owner.name], value($0)) }
        }
    }
}

/// The fetched key sets of one bundle.
package struct RemoteKeySetList: Sendable {
    let sets: [RemoteKeySet]
}
