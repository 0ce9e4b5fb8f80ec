import Minting
import Policy
import StrictEncoding
import Synchronization

/// Policy, issuers, clients and targets as one: what decides a request, under one hash that stands in every entry.
///
/// A class, though nothing in it changes: a request hands it about, and a copy would count a reference to each part.
final class Bundle: Sendable {
    /// SHA-256 in hexadecimal (docs/operating.md, "The bundle").
    let hash: String
    let clients: ClientDirectory
    let targets: TargetDirectory
    let verifier: InboundTokenVerifier
    let ownTokens: OwnTokenVerifier
    let audiences: ClientAudiences
    let delegation: DelegationRules
    let introspection: IntrospectionRights
    let transmitters: EventTransmitters
    let policy: PolicySet
    /// The key sets among those of issuers and clients that are fetched.
    let remotes: RemoteKeySetList
    /// What the certificates of the gateway listener's clients chain to.
    let clientAuthorities: ClientAuthorities

    /// A bundle by its parts.
    init(
        hash: String, clients: ClientDirectory, targets: TargetDirectory, verifier: InboundTokenVerifier,
        ownTokens: OwnTokenVerifier, audiences: ClientAudiences, delegation: DelegationRules,
        introspection: IntrospectionRights, transmitters: EventTransmitters, policy: PolicySet,
        remotes: RemoteKeySetList, clientAuthorities: ClientAuthorities
    ) {
        self.hash = hash
        self.clients = clients
        self.targets = targets
        self.verifier = verifier
        self.ownTokens = ownTokens
        self.audiences = audiences
        self.delegation = delegation
        self.introspection = introspection
        self.transmitters = transmitters
        self.policy = policy
        self.remotes = remotes
        self.clientAuthorities = clientAuthorities
    }

    /// Verifies one inbound token; the refusal names the parameter it came in.
    func verify(
        _ token: [UInt8], as role: Issuer.Role, _ parameter: String, now: UnixTime
    ) throws(ExchangeRefusal) -> VerifiedToken {
        do {
            return try verifier.verify(token, role: role, now: now)
        } catch {
            throw .token(error, parameter)
        }
    }
}

/// The bundle in force; a new one replaces it whole or not at all.
final class BundleStore: Sendable {
    private let bundle: Mutex<Bundle>

    /// A store with its first bundle.
    init(_ first: Bundle) { bundle = Mutex(first) }

    /// The bundle that decides requests that begin now.
    var current: Bundle { bundle.withLock { $0 } }

    /// Puts another bundle in force for requests that begin after this.
    func replace(with next: Bundle) { bundle.withLock { $0 = next } }
}
