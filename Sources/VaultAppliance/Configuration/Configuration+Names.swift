extension Configuration {
    /// Client ids by every name that a rule may use for a client: its id, or the name in its certificate.
    package var clientIDs: [String: String] {
        var ids: [String: String] = [:]
        for client in clients {
            ids[client.id] = client.id
            if let name = client.certificateName { ids[name.text] = client.id }
        }
        return ids
    }

    /// Who proves agents, as rules name them: issuers, and the trust domains of clients where callers are agents.
    package var agentIssuers: [String] {
        let named = issuers.filter { $0.roles.contains(.actor) || $0.agent.isInSubjectToken }.map(\.name)
        guard issuers.contains(where: { $0.agent == .callerSPIFFE }) else { return named }
        let domains = clients.compactMap { SPIFFEID($0.certificateName?.text ?? "")?.trustDomain }
        return named + Set(domains).sorted()
    }

    /// The target of this name or audience, as a request names it.
    package func target(named name: String) -> Target? {
        targets.first { $0.name == name } ?? targets.first { $0.audience == name }
    }
}
