package import AuditLog
package import CoreProtocol
package import Logging
import ServiceLifecycle
import Synchronization

/// The front's way to the core: one connection, made anew whenever it breaks.
///
/// While there is none every call fails at once with `unreachable`; nothing is queued or tried again here, because only
/// the caller knows whether the request is still worth it.
package final class CoreClient: CoreService, Service {
    private struct State {
        var service: (any CoreService)?
        var description: CoreDescription?
    }

    private let dialer: CoreDialer
    private let logger: Logger
    private let state = Mutex(State())
    /// Runs on each new connection before it is offered to requests.
    private let onConnect: @Sendable (any CoreService) async throws -> Void
    /// Runs beside the requests of a connection; when it ends, so does the connection.
    private let whileConnected: @Sendable (any CoreService) async throws -> Void
    /// Hears every description of the core, the first before `onConnect`.
    private let onDescription: @Sendable (CoreDescription) -> Void

    /// A client of the core that `dialer` reaches; `onConnect` must succeed before requests are sent on a new connection.
    package init(
        dialer: CoreDialer, logger: Logger,
        onDescription: @escaping @Sendable (CoreDescription) -> Void,
        onConnect: @escaping @Sendable (any CoreService) async throws -> Void,
        whileConnected: @escaping @Sendable (any CoreService) async throws -> Void
    ) {
        self.dialer = dialer
        self.logger = logger
        self.onConnect = onConnect
        self.whileConnected = whileConnected
        self.onDescription = onDescription
    }

    /// The core's latest description; nil while there is no connection.
    package var latest: CoreDescription? { state.withLock { $0.service == nil ? nil : $0.description } }

    /// Connects, and connects again, until the process is told to stop.
    package func run() async throws {
        await cancelWhenGracefulShutdown { await self.keepConnected() }
    }

    private func keepConnected() async {
        var pause = Duration.milliseconds(50)
        while !Task.isCancelled {
            do {
                try await serveOneConnection()
                logger.warning("the connection to the core ended")
                pause = .milliseconds(50)
            } catch is CancellationError {
                break
            } catch {
                logger.warning("the core is not reachable", metadata: ["reason": "\(error)"])
            }
            state.withLock { $0.service = nil }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(1))
        }
    }

    private func serveOneConnection() async throws {
        let link = try await dialer.dial()
        defer { link.close() }
        let description = try await link.service.describe()
        onDescription(description)
        try await onConnect(link.service)
        state.withLock {
            $0.service = link.service
            $0.description = description
        }
        logger.info("connected to the core", metadata: ["manifest": "\(description.manifestVersion)"])
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            // Before the group waits for the other task: its wait for the connection's end would have none.
            defer { link.close() }
            tasks.addTask { await link.closed() }
            tasks.addTask { try await self.poll(link.service) }
            tasks.addTask { try await self.whileConnected(link.service) }
            try await tasks.next()
            tasks.cancelAll()
        }
    }

    /// Asks for the core's health every second: readiness must turn red within five.
    private func poll(_ core: any CoreService) async throws {
        while true {
            try await Task.sleep(for: .seconds(1))
            let description = try await core.describe()
            onDescription(description)
            state.withLock { $0.description = description }
        }
    }

    private func service() throws(CoreError) -> any CoreService {
        guard let service = state.withLock({ $0.service }) else {
            throw CoreError(.unreachable, "there is no connection to the core", retryAfter: 1)
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

    package func tlsSign(key kid: String, data: [UInt8]) async throws(CoreError) -> [UInt8] {
        try await service().tlsSign(key: kid, data: data)
    }
}
