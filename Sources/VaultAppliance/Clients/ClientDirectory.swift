import Minting
import StrictEncoding

/// The configured clients; each proves itself in exactly one way.
struct ClientDirectory: Sendable {
    /// A client and how it proves itself.
    struct Client: Sendable {
        /// The member of the certificate that must match exactly (RFC 8705 section 2.1.2).
        enum Name: Sendable, Hashable {
            case uri(String)
            case dns(String)
            case subject(String)
        }
        /// How a client proves who it is.
        enum Proof: Sendable {
            /// By a certificate with this name.
            case certificate(Name)
            /// By signed assertions.
            case assertion(AssertionClient)
        }
        let id: String
        let proof: Proof
    }

    private var byName: [Client.Name: String] = [:]
    private var byID: [String: AssertionClient] = [:]

    /// A directory; the configuration has made sure that no two clients share an id or a name.
    init(_ clients: [Client]) {
        for client in clients {
            switch client.proof {
            case .certificate(let name): byName[name] = client.id
            case .assertion(let assertion): byID[client.id] = assertion
            }
        }
    }

    /// The client with this id, if it proves itself with assertions.
    func assertionClient(_ id: String) -> AssertionClient? { byID[id] }

    /// Whether a certificate names any client.
    func names(_ peer: PeerCertificate) -> Bool { !clients(named: peer).isEmpty }

    /// The client a certificate belongs to.
    ///
    /// The chain was verified when the connection was made; the certificate may have expired since, so its end is
    /// checked on every request. Every name is looked up whatever the first one says, so that an unknown client takes
    /// the same steps, and a certificate that names two clients names none.
    func authenticate(_ peer: PeerCertificate?, now: UnixTime) throws(ExchangeRefusal) -> Principal {
        guard let peer else { throw .client("neither a client certificate nor a client assertion") }
        guard peer.isValid(at: now) else { throw .client("the client certificate has expired") }
        let found = clients(named: peer)
        guard let id = found.first else { throw .client("the client certificate names no configured client") }
        guard found.count == 1 else { throw .client("the client certificate names several clients") }
        return Principal(client: id, thumbprint: peer.thumbprint)
    }

    private func clients(named peer: PeerCertificate) -> Set<String> {
        var found: Set<String> = []
        for uri in peer.uris { if let id = byName[.uri(uri)] { found.insert(id) } }
        for name in peer.dnsNames { if let id = byName[.dns(name)] { found.insert(id) } }
        if let subject = peer.subject, let id = byName[.subject(subject)] { found.insert(id) }
        return found
    }
}
