import Policy

/// Checks that what rules and denials name is configured: a mistyped name in a denial would deny nothing.
struct PolicyNames {
    let configuration: Configuration
    private let source: YAMLSource
    /// Client ids by every name that a rule may use for a client.
    private let clients: [String: String]
    private let targets: [String: Set<String>]
    private let allScopes: Set<String>

    /// Names of a configuration; faults go to the policy's source.
    init(_ configuration: Configuration, _ source: YAMLSource) {
        self.configuration = configuration
        self.source = source
        clients = configuration.clientIDs
        targets = Dictionary(configuration.targets.map { ($0.name, Set($0.scopes)) }) { first, _ in first }
        allScopes = Set(configuration.targets.flatMap(\.scopes))
    }

    /// Checks the names of a rule and puts client ids in the place of clients' other names.
    func resolve(_ rule: inout Rule, at position: Int) {
        let path = "rules[\(position)]"
        resolve(&rule.conditions, path)
        check(scopes: rule.scopes, of: rule.conditions.target, path)
    }

    /// Checks the names of a denial and puts client ids in the place of clients' other names.
    func resolve(_ denial: inout DenialRule, at position: Int) {
        let path = "denials[\(position)]"
        resolve(&denial.conditions, path)
        check(scopes: denial.scopes, of: denial.conditions.target, path)
    }

    private func resolve(_ conditions: inout Conditions, _ path: String) {
        conditions.gateways = conditions.gateways?.enumerated().map { index, name in
            if let id = clients[name] { return id }
            fault(
                "\(path).gateways[\(index)]", "names no client", mend: "name the id or the certificate name of a client"
            )
            return name
        }
        if let users = conditions.users { check(users, "\(path).users") }
        if let agents = conditions.agents, !provesAgents(agents.issuer) {
            fault("\(path).agents.issuer", "names nobody who proves agents", mend: mendForAgents)
        }
        if let target = conditions.target, targets[target] == nil {
            let names = configuration.targets.map(\.name).joined(separator: ", ")
            fault("\(path).target", "names no target", mend: "name one of \(names)")
        }
    }

    private func check(_ users: Conditions.Users, _ path: String) {
        guard let issuer = configuration.issuers.first(where: { $0.name == users.issuer && $0.namesUsers }) else {
            return fault(
                "\(path).issuer", "names no issuer of users",
                mend: mend(configuration.issuers.filter(\.namesUsers).map(\.name))
            )
        }
        guard users.anyGroup != nil, issuer.claims.groups == nil else { return }
        fault(
            "\(path).any_group", "needs groups, but this issuer's tokens are not read for any",
            mend: "add claims.groups to the issuer")
    }

    private func check(scopes: [String]?, of target: String?, _ path: String) {
        // Of an unknown target the scopes are unknown too, and the fault is reported already.
        let known = target.map { targets[$0] } ?? allScopes
        guard let scopes, let known else { return }
        for (index, scope) in scopes.enumerated() where !known.contains(scope) {
            fault(
                "\(path).scopes[\(index)]", "is no scope of the target", mend: "add it to the target, or remove it here"
            )
        }
    }

    /// Whether agents can be of this issuer: one of actor tokens, one whose users' tokens name the agent, or the trust
    /// domain of a client, where callers are agents.
    private func provesAgents(_ name: String) -> Bool { agentIssuers.contains(name) }

    var agentIssuers: [String] { configuration.agentIssuers }

    private var mendForAgents: String { mend(agentIssuers) }

    private func mend(_ names: [String]) -> String {
        names.isEmpty ? "add such an issuer" : "name one of \(names.joined(separator: ", "))"
    }

    func fault(_ field: String, _ message: String, mend: String) {
        guard !source.isCovered(field) else { return }
        source.fault(field, message, mend: mend)
    }
}

extension Configuration.Issuer {
    fileprivate var namesUsers: Bool { roles.contains(where: \.namesUsers) }
}
