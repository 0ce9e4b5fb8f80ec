import Minting
import Policy

extension AccessRequest {
    /// What policy decides on: authenticated results alone, never a value the request merely claims.
    init(_ asked: BoundedAccess, principal: Principal, target: TargetDirectory.Target, delegation: Delegation) {
        self.init(
            gateway: principal.client, user: delegation.user, agent: delegation.agent, target: target.name,
            invocation: asked.details.map {
                Policy.ToolInvocation(
                    tool: $0.tool, actions: $0.actions, locations: $0.locations, identifier: $0.identifier,
                    argumentsSHA256: $0.argumentsSHA256)
            },
            scopes: asked.scope, facts: Self.facts(principal, delegation))
    }

    private static func facts(_ principal: Principal, _ delegation: Delegation) -> Set<Requirement> {
        var facts: Set<Requirement> = []
        if delegation.isBound { facts.insert(.actorBound) }
        if principal.keyThumbprint != nil { facts.insert(.dpop) }
        return facts
    }
}

/// What is asked for, within what the tokens it is asked by allow.
struct BoundedAccess: Sendable {
    /// The call; nil for none.
    let details: Minting.ToolInvocation?
    /// The scopes; nil for those of the rule.
    let scope: [String]?
    /// The resources it is for, as an identity assertion repeats them.
    let resources: [String]
    /// For how long, in seconds; nil for as long as the rule says.
    let expiresIn: Int64?

    /// Narrows a request to what its tokens allow; refuses one that asks for more.
    init(_ access: RequestedAccess, within delegation: Delegation) throws(ExchangeRefusal) {
        do {
            details = try delegation.ceiling.details(asked: access.authorizationDetails)
            scope = try delegation.ceiling.scope(asked: access.scope)
        } catch {
            throw ExchangeRefusal(error)
        }
        // Silence asks for all that an assertion was issued for, and for nothing beside.
        resources = access.resources.isEmpty ? delegation.resources : access.resources
        expiresIn = access.expiresIn
    }

    /// What a receipt is asked for: exactly what was granted, and as long as the token beside it was asked for.
    ///
    /// A transaction token must have a scope. Beside a token that could have one and has none there is no receipt: the scope
    /// of the receipt's own rule was not granted. Tokens for federations never have one.
    init(
        granted scopes: [String], by target: TargetDirectory.Target, _ asked: BoundedAccess
    ) throws(ExchangeRefusal) {
        guard !scopes.isEmpty || target.kind.tokenKind == .federation else { throw .noScope }
        details = asked.details
        expiresIn = asked.expiresIn
        scope = scopes.isEmpty ? nil : scopes
        resources = []
    }
}
