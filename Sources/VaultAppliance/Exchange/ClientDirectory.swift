import StrictEncoding

/// The configured clients, found by what their certificate says (RFC 8705 section 2.1.2).
struct ClientDirectory: Sendable {
    /// A client and the one certificate member that is its name.
    struct Client: Sendable, Equatable {
        /// The member of the certificate that must match exactly.
        enum Name: Sendable, Hashable {
            case uri(String)
            case dns(String)
            case subject(String)
        }
        let id: String
        let name: Name
    }

    private let byName: [Client.Name: String]

    /// A directory; the configuration has made sure that no two clients share a name.
    init(_ clients: [Client]) {
        byName = Dictionary(clients.map { ($0.name, $0.id) }, uniquingKeysWith: { first, _ in first })
    }

    /// The client a certificate belongs to.
    ///
    /// The chain was verified when the connection was made; the certificate may have expired since, so its end is
    /// checked on every request. Every name is looked up whatever the first one says, so that an unknown client takes
    /// the same steps, and a certificate that names two clients names none.
    func authenticate(_ peer: PeerCertificate?, now: UnixTime) throws(ExchangeRefusal) -> Principal {
        guard let peer else { throw .client("no client certificate") }
        guard peer.isValid(at: now) else { throw .client("the client certificate has expired") }
        var found: Set<String> = []
        for uri in peer.uris { if let id = byName[.uri(uri)] { found.insert(id) } }
        for name in peer.dnsNames { if let id = byName[.dns(name)] { found.insert(id) } }
        if let subject = peer.subject, let id = byName[.subject(subject)] { found.insert(id) }
        guard let id = found.first else { throw .client("the client certificate names no configured client") }
        guard found.count == 1 else { throw .client("the client certificate names several clients") }
        return Principal(client: id, thumbprint: peer.thumbprint)
    }
}

/// An authenticated client and the certificate its tokens are bound to.
struct Principal: Sendable, Equatable {
    let client: String
    /// SHA-256 of the certificate's DER in base64url: `x5t#S256` (RFC 8705 section 3.1).
    let thumbprint: String
}
