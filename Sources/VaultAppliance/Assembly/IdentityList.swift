import StrictEncoding
import Synchronization

/// The TLS identities in use, for reloading and for readiness.
final class IdentityList: Sendable {
    private let identities = Mutex<[(name: String, identity: TLSIdentity)]>([])

    /// Adds a listener's identity.
    func add(_ identity: TLSIdentity, name: String) { identities.withLock { $0.append((name, identity)) } }

    /// Reads every chain anew and returns what is wrong with those that cannot be used; they keep their old one.
    func reload(now: UnixTime) -> [String] {
        identities.withLock { $0 }.compactMap { name, identity in
            do {
                try identity.reload(now: now)
                return nil
            } catch {
                return "\(name): \(error)"
            }
        }
    }

    /// Certificates that are not valid now.
    func faults(now: UnixTime) -> [String] {
        identities.withLock { $0 }.compactMap { name, identity in
            identity.leaves.allSatisfy { $0.isValid(at: now) }
                ? nil : "\(name): a certificate is not valid now: install a new one with tls install"
        }
    }
}

/// How the TLS listeners open: once the core has said which keys they have.
struct ListenerOpening: Sendable {
    let client: CoreClient
    let keys: KeyDirectory
    let identities: IdentityList
    let clock: @Sendable () -> UnixTime

    /// Waits for the core, then loads the chains and checks them against the listener's keys.
    ///
    /// `clientAuthorities` gives those in force, where clients show certificates.
    func identity(
        _ name: String, _ listener: Configuration.TLSListener,
        clientAuthorities: (@Sendable () -> ClientAuthorities)? = nil
    ) async throws -> TLSIdentity {
        var known = keys.listenerKeys(label: listener.key)
        // A sealed core has no key to shake hands with: the listener opens when custodians have brought it to life.
        while known.isEmpty || keys.isSealed {
            try await Task.sleep(for: .milliseconds(50))
            known = keys.listenerKeys(label: listener.key)
        }
        let (client, keys, label) = (client, keys, listener.key)
        let identity = try TLSIdentity(
            chainFile: listener.certificateFile, clientAuthorities: clientAuthorities,
            currentKeys: {
                keys.listenerKeys(label: label).map { key in
                    HSMTLSKey(label: label, kid: key.kid, publicKey: key.point) { kid, data in
                        try await client.tlsSign(key: kid, data: data)
                    }
                }
            }, now: clock(), isAvailable: { keys.isAvailable(kid: $0) })
        identities.add(identity, name: name)
        return identity
    }
}
