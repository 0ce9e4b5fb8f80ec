import Minting
import Policy

extension Bundle {
    /// Compiles what decides requests; every fault is thrown, nothing is half loaded.
    ///
    /// `cache` outlives bundles: what it remembers is bound to the key set that verified it.
    package init(_ source: ConfigurationBundle, cache: VerificationCache) throws(ConfigurationError) {
        let configuration = source.configuration
        self.init(
            hash: source.hash, clients: try ClientDirectory(source),
            targets: TargetDirectory(configuration.targets.map { TargetDirectory.Target($0) }),
            verifier: InboundTokenVerifier(
                issuers: try IssuerSet(source), maximumLength: configuration.limits.tokenBytes, cache: cache),
            policy: source.policy)
    }
}

extension IssuerSet {
    fileprivate init(_ source: ConfigurationBundle) throws(ConfigurationError) {
        let configuration = source.configuration
        var issuers: [Issuer] = []
        for (index, issuer) in configuration.issuers.enumerated() {
            do {
                issuers.append(try Issuer(issuer, keySet: source.keySets[issuer.name] ?? []))
            } catch {
                throw ConfigurationError(
                    configuration, field: "issuers[\(index)] (\(issuer.name))", error,
                    mend: "\(issuer.keySet.file ?? "") must hold this issuer's public keys for the algorithms listed")
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
    fileprivate init(_ issuer: Configuration.Issuer, keySet: [UInt8]) throws(MintingError) {
        let algorithms = Set(issuer.algorithms.compactMap { JWSAlgorithm(rawValue: $0.rawValue) })
        try self.init(
            name: issuer.name, issuer: issuer.issuer,
            roles: Set(issuer.roles.compactMap { Role(rawValue: $0.rawValue) }), audiences: Set(issuer.audiences),
            algorithms: algorithms, keys: try JSONWebKeySet(parsing: keySet, algorithms: algorithms),
            maximumAge: issuer.maximumSubjectAge, clockSkew: issuer.clockSkew, subjectPrefix: issuer.subjectPrefix,
            claims: ClaimNames(groups: issuer.claims.groups, user: issuer.claims.user))
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
    fileprivate init(_ source: ConfigurationBundle) throws(ConfigurationError) {
        let configuration = source.configuration
        var clients: [Client] = []
        for (index, client) in configuration.clients.enumerated() {
            do {
                clients.append(try Client(client, keySet: source.clientKeySets[client.id] ?? []))
            } catch {
                throw ConfigurationError(
                    configuration, field: "clients[\(index)] (\(client.id))", error,
                    mend:
                        "\(client.assertions?.keySet.file ?? "") must hold this client's public keys for the algorithms listed"
                )
            }
        }
        self.init(clients)
    }
}

extension ClientDirectory.Client {
    fileprivate init(_ client: Configuration.Client, keySet: [UInt8]) throws(MintingError) {
        if let assertions = client.assertions {
            let algorithms = Set(assertions.algorithms.compactMap { JWSAlgorithm(rawValue: $0.rawValue) })
            let keys = try JSONWebKeySet(parsing: keySet, algorithms: algorithms)
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
    fileprivate init(_ target: Configuration.Target) {
        self.init(
            name: target.name, audience: target.audience, resources: target.resources, key: target.key,
            scopes: target.scopes)
    }
}
