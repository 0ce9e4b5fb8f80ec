import Minting

/// Which clients a token's `aud` names: resource servers that are clients too, and may hand on what they were given.
struct ClientAudiences: Sendable {
    private let names: [String: Set<String>]

    /// The audiences of a configuration: a client is named by its id and by the name in its certificate.
    init(_ clients: [Configuration.Client]) {
        names = Dictionary(clients.map { ($0.id, Set([$0.id] + ($0.certificateName.map { [$0.text] } ?? []))) }) {
            first, _ in first
        }
    }

    /// Whether an `aud` means this client.
    func names(_ client: String, in audience: String) -> Bool { names[client]?.contains(audience) == true }
}

extension Principal {
    /// Whether a token of ours is bound to what this client has proved to hold.
    ///
    /// Source: RFC 8705 section 3.1, RFC 9449 section 6.1.
    func isBound(to token: OwnToken) -> Bool {
        if let bound = token.keyThumbprint { return bound == keyThumbprint }
        guard let bound = token.certificateThumbprint else { return false }
        return bound == thumbprint
    }
}
