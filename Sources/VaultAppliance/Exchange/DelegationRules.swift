/// What the configuration says of delegation, beside policy.
struct DelegationRules: Sendable {
    /// How the agent is proven, by the name of the users' issuer.
    let proofs: [String: Configuration.Issuer.AgentProof]
    /// The most actors a token may name.
    let maximumDepth: Int

    /// The rules of a configuration.
    init(_ configuration: Configuration) {
        proofs = Dictionary(configuration.issuers.map { ($0.name, $0.agent) }) { first, _ in first }
        maximumDepth = configuration.limits.delegationDepth
    }

    /// How the agent of an issuer's users is proven.
    func proof(ofIssuer name: String) -> Configuration.Issuer.AgentProof { proofs[name] ?? .actorToken }
}
