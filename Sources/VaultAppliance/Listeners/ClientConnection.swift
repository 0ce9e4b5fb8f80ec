import NIOCore
import Synchronization

/// What is known of one connection: written on its event loop before the first request, read by the requests.
///
/// The channel hands it to the requests in the closure that answers them, made once a connection: no lookup by channel
/// and no task-local value on the path of a request.
final class ClientConnection: Sendable {
    private struct State {
        var address: String?
        var party = ClientNetwork(nil)
        var authorities: ClientAuthorities?
        var peer: PeerCertificate?
    }
    private let state = Mutex(State())

    /// The remote address without its port; nil before the connection is active and for Unix sockets.
    var remoteAddress: String? { state.withLock { $0.address } }

    /// Whom limits count the connection for.
    var party: ClientNetwork { state.withLock { $0.party } }

    /// The client's verified certificate; nil when it sent none.
    var peer: PeerCertificate? { state.withLock { $0.peer } }

    /// Called when the connection becomes active.
    func opened(from address: SocketAddress?) {
        state.withLock {
            $0.address = address?.ipAddress
            $0.party = ClientNetwork(address)
        }
    }

    /// Called before the handshake, with what a client's certificate has to chain to.
    func verifies(by authorities: ClientAuthorities?) { state.withLock { $0.authorities = authorities } }

    /// Whether the client's certificate was verified by other authorities than those in force; false without one.
    func isVerified(otherThanBy inForce: ClientAuthorities?) -> Bool {
        state.withLock { state in
            guard state.peer != nil else { return false }
            guard let inForce, let own = state.authorities else { return true }
            return !own.isSame(as: inForce)
        }
    }

    /// Called when the handshake has verified a certificate.
    func identified(as peer: PeerCertificate) { state.withLock { $0.peer = peer } }
}
