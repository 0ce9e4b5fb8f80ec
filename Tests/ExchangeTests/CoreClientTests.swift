import CoreProtocol
import Logging
import NIOPosix
import Synchronization
import Testing
import VaultCore

@testable import VaultAppliance

/// The front's connection to a real core over its socket, and what runs beside its requests.
@Suite(.timeLimit(.minutes(10))) struct CoreClientTests {
    struct Broken: Error {}

    @Test(
        "when what runs beside a connection ends, so does the connection, and all begins anew",
        arguments: [true, false])
    func besides(fails: Bool) async throws {
        let fixture = try await ExchangeFixture()
        let group = MultiThreadedEventLoopGroup.singleton
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let daemon = Task { try await CoreDaemon(core: fixture.core, group: group, logger: logger).run() }
        let connections = Mutex(0)
        let rounds = Mutex(0)
        let follows = Mutex(0)
        let view = RevocationView(clock: { fixture.now }, wait: ReadRequest.maximumWait)
        let client = CoreClient(
            dialer: .socket(path: fixture.core.settings.frontSocket, group: group), logger: logger,
            onDescription: { _ in },
            onConnect: { core in
                connections.withLock { $0 += 1 }
                try await view.replay(core)
            }, onChange: { _ in },
            whileConnected: [
                { core in
                    follows.withLock { $0 += 1 }
                    try await view.follow(core)
                },
                { _ in
                    let round = rounds.withLock { rounds in
                        rounds += 1
                        return rounds
                    }
                    if round > 2 { try await Task.sleep(for: .seconds(3600)) }
                    if fails { throw Broken() }
                },
            ])
        let running = Task { try await client.run() }
        let began = ContinuousClock.now
        while rounds.withLock({ $0 }) < 3 || client.latest == nil { try await Task.sleep(for: .milliseconds(5)) }
        #expect(connections.withLock { $0 } == 3)
        while follows.withLock({ $0 }) < 3 { try await Task.sleep(for: .milliseconds(5)) }
        #expect(view.isCurrent)
        // A reader waits so long for what is new: nobody waited for one.
        #expect(ContinuousClock.now - began < ReadRequest.maximumWait)
        running.cancel()
        try await running.value
        #expect(client.latest == nil && !view.isCurrent)
        daemon.cancel()
        try? await daemon.value
        await fixture.core.shutdown()
    }
}
