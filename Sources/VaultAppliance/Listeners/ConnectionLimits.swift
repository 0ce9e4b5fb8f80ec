import Synchronization

/// Counts the open connections and handshakes of a listener, in all and for each remote party.
///
/// The table has an entry only for parties with an open connection, so it is never larger than the limit in all.
final class ConnectionLimits: Sendable {
    private struct Use {
        var connections = 0
        var handshakes = 0
    }
    private struct State {
        var total = Use()
        var parties: [ClientNetwork: Use] = [:]
    }

    private let limits: ListenerLimits
    private let state = Mutex(State())

    /// Nothing open yet.
    init(_ limits: ListenerLimits) { self.limits = limits }

    /// How many connections are open.
    var connections: Int { state.withLock { $0.total.connections } }

    /// Takes a place for a connection and, with TLS, for its handshake; false when one of the limits is reached.
    func open(_ party: ClientNetwork, handshake: Bool) -> Bool {
        state.withLock { state in
            var use = state.parties[party] ?? Use()
            guard state.total.connections < limits.connections, use.connections < limits.connectionsPerAddress else {
                return false
            }
            if handshake {
                guard state.total.handshakes < limits.handshakes, use.handshakes < limits.handshakesPerAddress else {
                    return false
                }
                use.handshakes += 1
                state.total.handshakes += 1
            }
            use.connections += 1
            state.total.connections += 1
            state.parties[party] = use
            return true
        }
    }

    /// Gives back the place of a handshake that ended, well or badly.
    func handshakeEnded(_ party: ClientNetwork) {
        state.withLock { state in
            state.total.handshakes -= 1
            state.parties[party]?.handshakes -= 1
        }
    }

    /// Gives back the place of a connection.
    func closed(_ party: ClientNetwork) {
        state.withLock { state in
            state.total.connections -= 1
            guard var use = state.parties[party] else { return }
            use.connections -= 1
            state.parties[party] = use.connections > 0 ? use : nil
        }
    }
}
