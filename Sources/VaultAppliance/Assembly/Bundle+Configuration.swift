import Minting
import Policy

extension Bundle {
    /// Compiles what decides requests; every fault is thrown, nothing is half loaded.
    ///
    /// `cache` outlives bundles: what it remembers is bound to the key set that verified it. So do fetched key sets:
    /// those that the next bundle has too are taken from `remotes`. Without `remotes` none are ever fetched.
    package convenience init(
        _ source: ConfigurationBundle, cache: VerificationCache, remotes: RemoteKeySets? = nil
    ) throws(ConfigurationError) {
        let configuration = source.configuration
        var sources = KeySources(source, remotes)
        let clients = try ClientDirectory(source, &sources)
        let issuers = try IssuerSet(source, &sources)
        self.init(
            hash: source.hash, clients: clients,
            targets: TargetDirectory(
                try configuration.targets.map { target throws(ConfigurationError) in
                    try TargetDirectory.Target(target, configuration)
                }),
            verifier: InboundTokenVerifier(
                issuers: issuers, maximumLength: configuration.limits.tokenBytes, cache: cache),
            ownTokens: OwnTokenVerifier(
                issuer: configuration.issuer, maximumLength: configuration.limits.tokenBytes),
            audiences: ClientAudiences(configuration.clients), delegation: DelegationRules(configuration),
            introspection: IntrospectionRights(configuration), transmitters: EventTransmitters(configuration),
            policy: source.policy, remotes: RemoteKeySetList(sets: sources.sets),
            clientAuthorities: try ClientAuthorities(source))
    }
}

/// Gives issuers and clients their keys, from files or from sets that are fetched.
private struct KeySources {
    private let source: ConfigurationBundle
    private let remotes: RemoteKeySets?
    private(set) var sets: [RemoteKeySet] = []

    init(_ source: ConfigurationBundle, _ remotes: RemoteKeySets?) {
        self.source = source
        self.remotes = remotes
    }

    mutating func keys(
        of owner: KeySetOwner, at location: KeySetLocation, _ algorithms: Set<JWSAlgorithm>
    ) throws(MintingError) -> any KeySource {
        guard let remote = location.remote else {
            let bytes =
                switch owner {
                case .issuer(let name): source.keySets[name]
                case .client(let id): source.clientKeySets[id]
                }
            return try JSONWebKeySet(parsing: bytes ?? [], algorithms: algorithms)
        }
        let identity = RemoteKeySet.Identity(
            owner: owner, location: remote, authorities: source.authorities[owner], algorithms: algorithms)
        let set = remotes?.set(identity) ?? RemoteKeySet(identity)
        sets.append(set)
        return set.keys
    }
}

extension ClientAuthorities {
    fileprivate convenience init(_ source: ConfigurationBundle) throws(ConfigurationError) {
        do throws(ListenerError) {
            try self.init(pem: source.clientAuthorities["gateway"] ?? [])
        } catch {
            let fault = ConfigurationFault(
                file: source.configuration.file, line: nil, field: "listeners.gateway.client_ca",
                message: error.context, mend: "put the CA certificates of the clients there")
            throw ConfigurationError(faults: [fault])
        }
    }
}

extension IssuerSet {
    fileprivate init(_ source: ConfigurationBundle, _ sources: inout KeySources) throws(ConfigurationError) {
        let configuration = source.configuration
        var issuers: [Issuer] = []
        for (index, issuer) in configuration.issuers.enumerated() {
            do {
                let keys = try sources.keys(
                    of: .issuer(issuer.name), at: issuer.keySet, JWSAlgorithm.named(issuer.algorithms))
                issuers.append(try Issuer(issuer, keys: keys))
            } catch {
                throw ConfigurationError(
                    configuration, field: "issuers[\(index)] (\(issuer.name))", error,
                    mend: "\(issuer.keySet.words) must hold this issuer's public keys for the algorithms listed")
            }
        }
        do {
            try self.init(issuers)
        } catch {
            throw ConfigurationError(configuration, field: "issuers", error, mend: "give each its own names")
        }
    }
}

extension Issuer {
    fileprivate init(_ issuer: Configuration.Issuer, keys: any KeySource) throws(MintingError) {
        try self.init(
            name: issuer.name, issuer: issuer.issuer,
            roles: Set(issuer.roles.compactMap { Role(rawValue: $0.rawValue) }), audiences: Set(issuer.audiences),
            algorithms: JWSAlgorithm.named(issuer.algorithms), keys: keys, maximumAge: issuer.maximumSubjectAge,
            clockSkew: issuer.clockSkew, subjectPrefix: issuer.subjectPrefix,
            claims: ClaimNames(groups: issuer.claims.groups, user: issuer.claims.user))
    }
}

extension JWSAlgorithm {
    static func named(_ algorithms: [Configuration.Algorithm]) -> Set<JWSAlgorithm> {
        Set(algorithms.compactMap { JWSAlgorithm(rawValue: $0.rawValue) })
    }
}

extension ConfigurationError {
    fileprivate init(_ configuration: Configuration, field: String, _ error: MintingError, mend: String) {
        self.init(
            faults: [
                ConfigurationFault(
                    file: configuration.file, line: nil, field: field, message: error.description, mend: mend)
            ])
    }
}

extension ClientDirectory {
    fileprivate init(_ source: ConfigurationBundle, _ sources: inout KeySources) throws(ConfigurationError) {
        let configuration = source.configuration
        var clients: [Client] = []
        for (index, client) in configuration.clients.enumerated() {
            do {
                clients.append(try Client(client, &sources))
            } catch {
                let place = client.assertions?.keySet.words ?? "its certificate name"
                throw ConfigurationError(
                    configuration, field: "clients[\(index)] (\(client.id))", error,
                    mend: "\(place) must hold this client's public keys for the algorithms listed")
            }
        }
        self.init(clients)
    }
}

extension ClientDirectory.Client {
    fileprivate init(_ client: Configuration.Client, _ sources: inout KeySources) throws(MintingError) {
        if let assertions = client.assertions {
            let keys = try sources.keys(
                of: .client(client.id), at: assertions.keySet, JWSAlgorithm.named(assertions.algorithms))
            self.init(
                id: client.id,
                proof: .assertion(
                    AssertionClient(
                        id: client.id, keys: keys, clockSkew: assertions.clockSkew,
                        maximumLifetime: assertions.maximumLifetime)))
            return
        }
        guard let certificateName = client.certificateName else {
            throw MintingError(.badIssuer, "has no way to prove itself")
        }
        let name: Name =
            switch certificateName {
            case .sanURI(let uri): .uri(uri)
            case .sanDNS(let name): .dns(name)
            case .subjectDN(let name): .subject(name)
            }
        self.init(id: client.id, proof: .certificate(name))
    }
}

extension TargetDirectory.Target {
    fileprivate init(_ target: Configuration.Target, _ configuration: Configuration) throws(ConfigurationError) {
        self.init(
            name: target.name, kind: try TargetKind(target, configuration), audience: target.audience,
            resources: target.resources, key: target.key,
            scopes: target.scopes)
    }
}

extension TargetKind {
    /// The configuration has been checked; a template it accepted is read once more here.
    fileprivate init(_ target: Configuration.Target, _ configuration: Configuration) throws(ConfigurationError) {
        switch target.kind {
        case .jwt: self = .accessToken
        case .transactionToken: self = .transaction
        case .identityAssertion: self = .identityAssertion(clientID: target.clientID ?? "")
        case .federation:
            do throws(ClaimTemplate.Failure) {
                var tags: [SessionTag] = []
                for tag in target.sessionTags {
                    tags.append(
                        SessionTag(key: tag.key, value: try ClaimTemplate(tag.value), isTransitive: tag.isTransitive))
                }
                self = .federation(subject: try ClaimTemplate(target.subject ?? ""), tags: tags)
            } catch {
                let fault = ConfigurationFault(
                    file: configuration.file, line: nil, field: "targets (\(target.name))",
                    message: "has a template that is none", mend: "write it like '{user}'")
                throw ConfigurationError(faults: [fault])
            }
        }
    }
}
