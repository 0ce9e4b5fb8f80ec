package import AuditLog
package import CoreProtocol
package import Logging
import ServiceLifecycle
import Synchronization

/// The front's way to the core: one connection, made anew whenever it breaks.
///
/// While there is none every call fails at once with `unreachable`, and while the core is sealed with `sealed`; nothing is
/// queued or tried again here, because only the caller knows whether the request is still worth it. A core that custodians
/// bring to life is used within a second, without anybody's doing.
package final class CoreClient: CoreService, Service {
    private struct State {
        /// Set while requests may be sent.
        var service: (any CoreService)?
        /// Set while there is a connection.
        var description: CoreDescription?
        /// Why the core does not take our bundle; nil when it does.
        var problem: String?
    }

    /// How often a core is asked for its health: readiness must turn red within five seconds.
    private static let period = Duration.seconds(1)
    /// How often a sealed one is asked: what waits for it should not wait longer than it must.
    private static let sealedPeriod = Duration.milliseconds(250)

    private let dialer: CoreDialer
    private let logger: Logger
    private let state = Mutex(State())
    /// Runs before a core is offered to requests: on each new connection, and after each activation.
    private let onConnect: @Sendable (any CoreService) async throws -> Void
    /// Runs when the core has another manifest, and may no longer take the bundle that was loaded.
    private let onChange: @Sendable (any CoreService) async throws -> Void
    /// What runs beside the requests of a connection; when one of them ends, so does the connection.
    private let whileConnected: [@Sendable (any CoreService) async throws -> Void]
    /// Hears every description of the core, the first before `onConnect`.
    private let onDescription: @Sendable (CoreDescription) -> Void

    /// A client of the core that `dialer` reaches; `onConnect` must succeed before requests are sent on a new connection.
    package init(
        dialer: CoreDialer, logger: Logger,
        onDescription: @escaping @Sendable (CoreDescription) -> Void,
        onConnect: @escaping @Sendable (any CoreService) async throws -> Void,
        onChange: @escaping @Sendable (any CoreService) async throws -> Void,
        whileConnected: [@Sendable (any CoreService) async throws -> Void]
    ) {
        self.dialer = dialer
        self.logger = logger
        self.onConnect = onConnect
        self.onChange = onChange
        self.whileConnected = whileConnected
        self.onDescription = onDescription
    }

    /// The core's latest description; nil while there is no connection.
    package var latest: CoreDescription? { state.withLock { $0.description } }

    /// Why the core does not take our bundle, in words for an operator; nil when it does, or nobody knows.
    var problem: String? { state.withLock { $0.problem } }

    /// Connects, and connects again, until the process is told to stop.
    package func run() async throws {
        await cancelWhenGracefulShutdown { await self.keepConnected() }
    }

    private func keepConnected() async {
        var pause = Duration.milliseconds(50)
        var said: String?
        while !Task.isCancelled {
            do {
                defer { state.withLock { ($0.service, $0.description) = (nil, nil) } }
                try await serveOneConnection()
                logger.warning("the connection to the core ended")
                said = nil
                pause = .milliseconds(50)
            } catch is CancellationError where Task.isCancelled {
                break
            } catch {
                // Tried again up to every 50 ms: said when it is news.
                if said != "\(error)" {
                    logger.warning("the core is not reachable", metadata: ["reason": "\(error)"])
                }
                said = "\(error)"
                if let refusal = error as? CoreError, refusal.code == .refused {
                    state.withLock { $0.problem = "core: \(refusal.reason)" }
                }
            }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(1))
        }
    }

    private func serveOneConnection() async throws {
        let link = try await dialer.dial()
        defer { link.close() }
        let description = try await link.service.describe()
        let (isServing, serves) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        try await firstToEnd(of: link) { tasks in
            tasks.addTask { await link.closed() }
            tasks.addTask { try await self.serve(link.service, description) { serves.yield() } }
            tasks.addTask {
                for await _ in isServing { return try await self.accompany(link) }
                throw CancellationError()
            }
        }
    }

    /// Ends a link with the first of some tasks that ends, for what reason soever.
    private func firstToEnd(
        of link: CoreDialer.Link, _ add: (inout ThrowingTaskGroup<Void, any Error>) -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            // Before the group waits for the other tasks: what they wait for fails at once then. It has no other end
            // while a core hangs, for a call does not hear that its task was cancelled.
            defer { link.close() }
            add(&tasks)
            try await tasks.next()
            tasks.cancelAll()
        }
    }

    /// Runs what runs beside the requests of a connection.
    private func accompany(_ link: CoreDialer.Link) async throws {
        try await firstToEnd(of: link) { tasks in
            for work in whileConnected { tasks.addTask { try await work(link.service) } }
        }
    }

    /// Follows one core: waits while it is sealed, loads our bundle when it is not, and asks for its health.
    private func serve(
        _ core: any CoreService, _ first: CoreDescription, _ onServing: @Sendable () -> Void
    ) async throws {
        var (description, loaded): (CoreDescription, Int64?) = (first, nil)
        while true {
            onDescription(description)
            if description.isSealed {
                if loaded != nil { logger.warning("the core is sealed: nothing is issued") }
                loaded = nil
                state.withLock { ($0.service, $0.description, $0.problem) = (nil, description, nil) }
            } else if loaded == nil {
                try await onConnect(core)
                loaded = description.generation
                state.withLock { ($0.service, $0.description, $0.problem) = (core, description, nil) }
                logger.info("connected to the core", metadata: ["manifest": "\(description.manifestVersion)"])
                onServing()
            } else {
                state.withLock { $0.description = description }
                if loaded != description.generation { loaded = try await reload(core, description, loaded) }
            }
            try await Task.sleep(for: description.isSealed ? Self.sealedPeriod : Self.period)
            description = try await core.describe()
        }
    }

    /// Has the core take our bundle under its new manifest; what it refuses is tried again, and stands in readiness.
    private func reload(
        _ core: any CoreService, _ description: CoreDescription, _ loaded: Int64?
    ) async throws -> Int64? {
        do {
            try await onChange(core)
            state.withLock { $0.problem = nil }
            return description.generation
        } catch let error as CoreError where error.code == .refused {
            state.withLock { $0.problem = "core: \(error.reason)" }
            return loaded
        }
    }

    /// Asks the core how it is now, for whom it would be too late within a second.
    func refresh() async throws(CoreError) { onDescription(try await describe()) }

    private func service() throws(CoreError) -> any CoreService {
        let (service, description) = state.withLock { ($0.service, $0.description) }
        guard let service else {
            guard description?.isSealed == true else {
                throw CoreError(.unreachable, "there is no connection to the core", retryAfter: 1)
            }
            throw CoreError(.sealed, "the core is sealed: custodians have to activate it", retryAfter: 5)
        }
        return service
    }

    package func describe() async throws(CoreError) -> CoreDescription { try await service().describe() }

    package func sign(_ request: SignRequest) async throws(CoreError) -> SignedRecord {
        try await service().sign(request)
    }

    package func append(_ entry: Entry) async throws(CoreError) -> UInt64 { try await service().append(entry) }

    package func read(_ request: ReadRequest) async throws(CoreError) -> LiveEntries {
        try await service().read(request)
    }

    package func witnessRequest(_ request: WitnessRequest) async throws(CoreError) -> [UInt8]? {
        try await service().witnessRequest(request)
    }

    package func witnessAnswered(_ answer: WitnessAnswer) async throws(CoreError) -> Witnesses.Verdict {
        try await service().witnessAnswered(answer)
    }

    package func open(_ request: OpenRequest) async throws(CoreError) -> OpenedSecret {
        try await service().open(request)
    }

    package func tlsSign(key kid: String, data: [UInt8]) async throws(CoreError) -> [UInt8] {
        try await service().tlsSign(key: kid, data: data)
    }
}
