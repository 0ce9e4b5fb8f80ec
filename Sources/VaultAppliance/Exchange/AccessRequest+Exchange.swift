import Minting
import Policy

extension AccessRequest {
    /// What policy decides on: authenticated results alone, never a value the request merely claims.
    init(
        _ asked: TokenExchangeRequest, principal: Principal, target: TargetDirectory.Target, user: VerifiedToken,
        agent: VerifiedToken?
    ) {
        self.init(
            gateway: principal.client,
            user: User(issuer: user.issuerName, subject: user.subject, groups: user.groups),
            agent: agent.map { Agent(issuer: $0.issuerName, subject: $0.subject) }, target: target.name,
            invocation: asked.authorizationDetails.map {
                Policy.ToolInvocation(
                    tool: $0.tool, actions: $0.actions, locations: $0.locations, identifier: $0.identifier,
                    argumentsSHA256: $0.argumentsSHA256)
            },
            scopes: asked.scope, facts: Self.facts(principal, user, agent))
    }

    private static func facts(
        _ principal: Principal, _ user: VerifiedToken, _ agent: VerifiedToken?
    ) -> Set<Requirement> {
        var facts: Set<Requirement> = []
        if isBound(agent, to: user) { facts.insert(.actorBound) }
        if principal.keyThumbprint != nil { facts.insert(.dpop) }
        return facts
    }

    /// `actor_bound`: the subject's `may_act` names the actor, or the actor's token names the subject as its user.
    private static func isBound(_ agent: VerifiedToken?, to user: VerifiedToken) -> Bool {
        guard let agent else { return false }
        if let mayAct = user.mayAct { return mayAct.names(agent) }
        return agent.user == user.subject
    }
}
