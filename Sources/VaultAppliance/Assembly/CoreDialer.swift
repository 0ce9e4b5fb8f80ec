package import CoreProtocol
package import NIOCore

/// How the front reaches its core.
package struct CoreDialer: Sendable {
    /// A way to the core that stands until `closed` returns.
    struct Link: Sendable {
        let service: any CoreService
        let closed: @Sendable () async -> Void
        let close: @Sendable () -> Void
    }

    /// Makes a new link, or fails because the core is not there.
    let dial: @Sendable () async throws -> Link

    /// The core's Unix socket: the only way in production, where the front must hold nothing of the core's.
    ///
    /// Each loop of the group has a connection of its own.
    package static func socket(path: String, group: any EventLoopGroup) -> CoreDialer {
        CoreDialer {
            var connections: [CoreConnection] = []
            do {
                for loop in group.makeIterator() {
                    connections.append(try await CoreConnection.connect(path: path, group: loop))
                }
            } catch {
                for connection in connections { connection.close() }
                throw error
            }
            guard let first = connections.first else { throw CoreError(.unreachable, "there is no event loop") }
            let session = CoreSession(connection: first, others: Array(connections.dropFirst()))
            return Link(service: session, closed: { await session.closed() }, close: { session.close() })
        }
    }

    /// A core in this process: what the socket costs can be measured only beside its absence.
    package static func inProcess(_ core: any CoreService) -> CoreDialer {
        CoreDialer {
            Link(service: core, closed: { try? await Task.sleep(for: .seconds(1_000_000_000)) }, close: {})
        }
    }
}
