import AuditLog
import CoreProtocol
package import Logging
import Minting
package import NIOCore
import ServiceLifecycle
package import StrictEncoding
import Synchronization
import UnixSignals

/// Everything that faces a network: three listeners, the exchange, the way to the core.
///
/// It holds no key and no PIN; what it may have signed is bounded by the core's gate.
package struct Front: Service {
    private let configuration: Configuration
    private let logger: Logger
    private let clock: @Sendable () -> UnixTime
    private let client: CoreClient
    private let keys: KeyDirectory
    private let bundles: BundleStore
    private let cache: VerificationCache
    private let remotes: RemoteKeySets
    private let server: FrontServer
    private let identities: IdentityList
    private let metrics: MetricsRegistry
    private let reloads = ReloadState()

    /// A front by a configuration whose every file has been read; nothing is opened yet.
    ///
    /// `build` is what is told of the executable.
    package init(
        source: ConfigurationBundle, core dialer: CoreDialer, group: any EventLoopGroup, logger: Logger, build: String,
        clock: @escaping @Sendable () -> UnixTime, newJWTID: @escaping @Sendable () -> String
    ) throws {
        let configuration = source.configuration
        let keys = KeyDirectory(issuer: configuration.issuer)
        let cache = VerificationCache()
        let remotes = RemoteKeySets(group: group, logger: logger, clock: clock)
        let bundles = BundleStore(try Bundle(source, cache: cache, remotes: remotes))
        remotes.use(bundles.current.remotes)
        let revocations = RevocationView(clock: clock)
        let metrics = MetricsRegistry()
        let targets = TargetWatch(bundles: bundles, keys: keys, logger: logger)
        let messengers = WitnessMessengers(configuration.audit.witnesses, group: group, logger: logger)
        let client = CoreClient(
            dialer: dialer, logger: logger,
            onDescription: {
                keys.update($0)
                targets.look()
            },
            onConnect: {
                _ = try await $0.append(bundles.current.loadedEntry)
                try await revocations.replay($0)
            }, onChange: { _ = try await $0.append(bundles.current.loadedEntry) },
            whileConnected: [{ try await revocations.follow($0) }] + messengers.all)
        let environment = ListenerEnvironment(group: group, logger: logger, metrics: metrics, now: clock)
        let authenticator = try ClientAuthenticator(
            issuer: configuration.issuer, externalURL: configuration.listeners.gateway.externalURL, started: clock(),
            replayEntries: configuration.limits.replayEntries, metrics: metrics)
        let refusals = RefusalLog(logger)
        let exchange = ExchangeService(
            core: client, keys: keys, bundles: bundles, revocations: revocations, authenticator: authenticator,
            metrics: ExchangeMetrics(metrics), refusals: refusals, clock: clock, newJWTID: newJWTID)
        let stops = RevocationMetrics(metrics, revocations)
        let states = TokenStateService(
            core: client, keys: keys, bundles: bundles, authenticator: authenticator, revocations: revocations,
            metrics: stops, refusals: refusals, clock: clock)
        let events = SecurityEventReceiver(
            core: client, keys: keys, bundles: bundles, revocations: revocations, metrics: stops, logger: logger,
            refusals: refusals, clock: clock)
        var routes = RouteTable.gateway(token: { await exchange.respond(to: $0) })
        routes.addTokenState(
            introspect: { await states.introspect($0) }, revoke: { await states.revoke($0) },
            events: { await events.receive($0) })
        let identities = IdentityList()
        let opening = ListenerOpening(client: client, keys: keys, identities: identities, clock: clock)
        let documents = PublicDocuments(
            configuration: configuration, keys: keys, federationKeys: { bundles.current.targets.federationKeys })
        let reloads = reloads
        let limits = ListenerLimits(configuration.limits)
        let gateway = try Listener(
            name: "gateway", settings: .init(configuration.listeners.gateway, limits),
            transport: .tls {
                try await opening.identity("gateway", configuration.listeners.gateway) {
                    bundles.current.clientAuthorities
                }
            },
            routes: routes, environment: environment)
        let `public` = try Listener(
            name: "public", settings: .init(configuration.listeners.public, limits),
            transport: .tls { try await opening.identity("public", configuration.listeners.public) },
            routes: .public(documents: { client.latest == nil ? nil : documents.document($0) }),
            environment: environment)
        let health = Health(
            client: client, bundles: bundles, targets: targets, reloads: reloads, identities: identities,
            remotes: remotes, revocations: revocations, build: build,
            closed: { [gateway, `public`].filter { $0.port == nil }.map(\.name) })
        server = FrontServer(
            ops: try Listener(
                name: "ops",
                settings: .init(
                    host: configuration.listeners.ops.host, port: configuration.listeners.ops.port, limits: limits),
                transport: .plain,
                routes: .operations(readiness: { health.readiness(now: clock()) }, metrics: metrics),
                environment: environment),
            gateway: gateway, public: `public`, environment: environment)
        CoreMetrics.register(in: metrics, build: build) { client.latest }
        reloads.register(in: metrics)
        remotes.register(in: metrics)
        self.configuration = configuration
        self.logger = logger
        self.clock = clock
        self.client = client
        self.keys = keys
        self.bundles = bundles
        self.cache = cache
        self.remotes = remotes
        self.metrics = metrics
        self.identities = identities
    }

    /// Serves until the process is told to stop; SIGHUP loads bundle and certificates anew.
    package func run() async throws {
        let group = ServiceGroup(
            configuration: .init(services: [client, remotes, server, Reload(front: self)], logger: logger))
        try await group.run()
    }

    /// Checks what `init` would, and opens nothing.
    package static func validate(_ source: ConfigurationBundle) throws(ConfigurationError) {
        _ = try Bundle(source, cache: VerificationCache())
    }

    /// Loads the bundle anew, whole or not at all, then the listeners' chains; each says for itself what became of it.
    ///
    /// The authorities of clients are the bundle's: they change with it, and only when the core has taken it.
    fileprivate func reload() async {
        var faults: [String] = []
        // The file may name a key that custodians have promoted a moment ago.
        try? await client.refresh()
        do {
            let source = try ConfigurationBundle.load(file: configuration.file)
            let next = try Bundle(source, cache: cache, remotes: remotes)
            _ = try await client.append(next.loadedEntry)
            bundles.replace(with: next)
            remotes.use(next.remotes)
            logger.info("reloaded the bundle", metadata: ["bundle": "\(next.hash)"])
            tellWhatStands(against: source.configuration)
        } catch {
            let reason = ReloadState.oneLine("\(error)")
            logger.error("the bundle was not reloaded; the old one stays in force", metadata: ["reason": "\(reason)"])
            faults.append(reason)
        }
        for fault in identities.reload(now: clock()) {
            logger.error("a certificate was not reloaded; the old one stays in use", metadata: ["reason": "\(fault)"])
            faults.append(fault)
        }
        reloads.ended(faults)
    }

    /// Says what of the file is in force only after a restart: whoever changed it would take it to be in force now.
    private func tellWhatStands(against next: Configuration) {
        let standing = configuration.standing(against: next)
        for (process, fields) in [("front", standing.front), ("core", standing.core)] where !fields.isEmpty {
            logger.warning(
                "changed in the file and not in force: restart the \(process)",
                metadata: ["fields": "\(fields.joined(separator: ", "))"])
        }
    }

    /// Listens for SIGHUP.
    private struct Reload: Service {
        let front: Front

        func run() async throws {
            for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
                await front.reload()
            }
        }
    }
}

extension Bundle {
    /// The leaf that must be durable before a request is decided under this bundle.
    var loadedEntry: Entry {
        var entry = Entry(kind: .configLoaded)
        entry.bundle = hash
        return entry
    }
}

extension ListenerLimits {
    fileprivate init(_ limits: Configuration.Limits) {
        self.init()
        requestBytes = limits.requestBytes
        connections = limits.connections
        requestsPerSecond = limits.requestsPerSecond
        requestTimeout = .seconds(limits.requestTimeout)
    }
}

extension ListenerSettings {
    fileprivate init(_ listener: Configuration.TLSListener, _ limits: ListenerLimits) {
        self.init(host: listener.host, port: listener.port, limits: limits)
    }
}
