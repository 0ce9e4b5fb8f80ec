import Minting
import Policy

/// The agent, proven as the users' issuer is configured (docs/integrating.md, "The agent").
extension DelegationResolver {
    /// The agent that acts for a user; nil when none is proven.
    ///
    /// An actor token where none is taken is refused: it would be believed to count.
    func agent(for user: VerifiedToken, token: [UInt8]?) throws(ExchangeRefusal) -> ProvenAgent? {
        let proof = bundle.delegation.proof(ofIssuer: user.issuerName)
        guard token == nil || proof == .actorToken else { throw .actorTokenNotTaken }
        return switch proof {
        case .actorToken: try token.map { token throws(ExchangeRefusal) in try actor(token, of: user.mappedSubject) }
        case .subjectAct: try user.actors.first.map { party throws(ExchangeRefusal) in try named(party, by: user) }
        case .subjectAuthorizedParty: user.authorizedParty.map { authorizedParty($0, of: user) }
        case .callerSPIFFE: callerID.map { caller($0) }
        }
    }

    /// Whether `may_act` means this agent: the same subject, and the same issuer where one is given.
    ///
    /// A name alone may be several agents' (RFC 8693 section 4.4): it counts where only one can be meant.
    func isNamed(_ agent: ProvenAgent, by mayAct: VerifiedToken.Party, of user: VerifiedToken) -> Bool {
        guard mayAct.subject == agent.identity.subject else { return false }
        if let issuer = mayAct.issuer { return issuer == agent.party.issuer }
        let isOnly = bundle.verifier.issuers.count(in: .actor) <= 1
        // A SPIFFE id is one agent's alone where its own trust domain has proven it, and not whoever writes it into `sub`.
        return isOnly || agent.party.issuer == user.issuer
            || SPIFFEID(agent.identity.subject)?.trustDomain == agent.party.issuer
    }

    /// The agent of an actor token; bound to the user whom that token names as our own tokens do.
    ///
    /// So with the prefix of the user's issuer, because others may have a user of the same name.
    func actor(_ token: [UInt8], of user: String) throws(ExchangeRefusal) -> ProvenAgent {
        let verified = try bundle.verify(token, as: .actor, "actor_token", now: now)
        return ProvenAgent(
            identity: .init(issuer: verified.issuerName, subject: verified.subject),
            party: .init(issuer: verified.issuer, subject: verified.mappedSubject), isBound: verified.user == user,
            expiry: verified.expiry)
    }

    /// The agent in `act`: of the issuer it names there, which must be one of agents, or of the users' own issuer.
    private func named(_ party: VerifiedToken.Party, by user: VerifiedToken) throws(ExchangeRefusal) -> ProvenAgent {
        guard let issuer = party.issuer, issuer != user.issuer else {
            return ProvenAgent(
                identity: .init(issuer: user.issuerName, subject: party.subject),
                party: self.party(party.subject, of: user), isBound: true, expiry: nil)
        }
        guard let configured = bundle.verifier.issuers.issuer(issuer), configured.roles.contains(.actor) else {
            throw .subject("act names an issuer that is not one of agents")
        }
        return ProvenAgent(
            identity: .init(issuer: configured.name, subject: party.subject),
            party: .init(issuer: issuer, subject: configured.mapped(subject: party.subject)), isBound: true,
            expiry: nil)
    }

    private func authorizedParty(_ name: String, of user: VerifiedToken) -> ProvenAgent {
        ProvenAgent(
            identity: .init(issuer: user.issuerName, subject: name), party: party(name, of: user), isBound: true,
            expiry: nil)
    }

    /// An agent of the users' own issuer as `act` names it: where that one has agents of its own, like those.
    private func party(_ name: String, of user: VerifiedToken) -> VerifiedToken.Party {
        let issuer = bundle.verifier.issuers.issuer(user.issuer)
        let hasAgents = issuer?.roles.contains(.actor) == true
        return .init(issuer: user.issuer, subject: hasAgents ? issuer?.mapped(subject: name) ?? name : name)
    }

    /// The caller's SPIFFE id: of a certificate that was still valid when the client proved itself.
    private var callerID: SPIFFEID? { principal.thumbprint == nil ? nil : peer?.spiffeID }

    private func caller(_ id: SPIFFEID) -> ProvenAgent {
        ProvenAgent(
            identity: .init(issuer: id.trustDomain, subject: id.text),
            party: .init(issuer: id.trustDomain, subject: id.text), isBound: false, expiry: nil)
    }

    /// The agent that an actor of one of our own tokens is, proven then; nil for a client that handed the token on.
    func agent(named party: VerifiedToken.Party) -> ProvenAgent? {
        identity(of: party).map { ProvenAgent(identity: $0, party: party, isBound: false, expiry: nil) }
    }

    private func identity(of party: VerifiedToken.Party) -> AccessRequest.Agent? {
        guard let name = party.issuer else { return nil }
        if let issuer = bundle.verifier.issuers.issuer(name) {
            let prefix = issuer.roles.contains(.actor) ? issuer.subjectPrefix ?? "" : ""
            guard party.subject.hasPrefix(prefix) else { return nil }
            return .init(issuer: issuer.name, subject: String(party.subject.dropFirst(prefix.count)))
        }
        guard let id = SPIFFEID(party.subject), id.trustDomain == name else { return nil }
        return .init(issuer: name, subject: id.text)
    }
}
