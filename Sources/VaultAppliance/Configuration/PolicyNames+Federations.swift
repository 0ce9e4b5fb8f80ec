import Minting
import Policy

/// Two agents must never make one text for a federation: agents of two issuers may have one name.
///
/// Whose agents reach a target is for its rules to say. A template that names the agent is sound when they are all of
/// one issuer, or when it names the issuer as well.
extension PolicyNames {
    /// Reports rules by which agents of a second issuer reach a target whose `subject` or tags name the agent alone.
    func checkFederations(_ rules: [Rule]) {
        var ambiguous: [String: String] = [:]
        for target in configuration.targets {
            if let field = target.fieldThatNamesTheAgentAlone { ambiguous[target.name] = field }
        }
        guard !ambiguous.isEmpty else { return }
        var issuers: [String: String] = [:]
        for (position, rule) in rules.enumerated() where !rule.conditions.usersAbsent {
            guard let target = rule.conditions.target, let field = ambiguous[target] else { continue }
            guard let issuer = onlyAgentIssuer(of: rule), issuers[target, default: issuer] == issuer else {
                let problem = "lets agents of several issuers reach \(target), whose \(field) names the agent alone"
                fault(
                    "rules[\(position)].\(rule.conditions.agents == nil ? "target" : "agents.issuer")", problem,
                    mend: "write {agent_issuer} into it too, or let all rules of the target name agents of one issuer")
                continue
            }
            issuers[target] = issuer
        }
    }

    /// The issuer of all agents that a rule is for; nil when they can be of several.
    private func onlyAgentIssuer(of rule: Rule) -> String? {
        if let agents = rule.conditions.agents { return Self.nameSpace(agents.issuer) }
        let issuers = Set(agentIssuers.map(Self.nameSpace))
        guard configuration.issuers.allSatisfy({ $0.agent != .callerSPIFFE }) else {
            // A caller may have an id of any trust domain.
            return issuers.union([SPIFFEID.scheme]).count == 1 ? SPIFFEID.scheme : nil
        }
        return issuers.count <= 1 ? issuers.first ?? "" : nil
    }

    /// SPIFFE ids name their trust domain, so those of several domains are never alike.
    private static func nameSpace(_ issuer: String) -> String {
        issuer.hasPrefix(SPIFFEID.scheme) ? SPIFFEID.scheme : issuer
    }
}

extension Configuration.Target {
    /// The first field with a template that names the agent and not the agent's issuer; nil when there is none.
    fileprivate var fieldThatNamesTheAgentAlone: String? {
        let templates = [("subject", subject ?? "")] + sessionTags.map { ("session tag \($0.key)", $0.value) }
        return templates.first { _, text in
            guard let template = try? ClaimTemplate(text) else { return false }
            return template.has(.agent) && !template.has(.agentIssuer)
        }?.0
    }
}
