import CoreProtocol
import Minting
import Policy
import StrictEncoding

/// Verifies the tokens a request offers and says who they prove.
///
/// The record learns each party as soon as it is proven, so that a refusal names those that were.
struct DelegationResolver: Sendable {
    let bundle: Bundle
    /// Our own public keys, and whose tokens they sign.
    let keys: KeyDirectory
    let authenticator: ClientAuthenticator
    let revocations: RevocationView
    let principal: Principal
    /// The caller's certificate; nil when it has none.
    let peer: PeerCertificate?
    let now: UnixTime

    /// Who asks for whom.
    func resolve(_ grant: TokenRequest.Grant, _ record: inout ExchangeRecord) throws(ExchangeRefusal) -> Delegation {
        let delegation: Delegation
        switch grant {
        case .exchange(let tokens): delegation = try exchange(tokens, &record)
        case .assertion(let assertion): delegation = try redeem(assertion, &record)
        case .clientCredentials: delegation = client(&record)
        }
        guard delegation.actors.count <= bundle.delegation.maximumDepth else { throw .depth }
        return delegation
    }

    /// The client asks for itself, and there is no user (RFC 6749 section 4.4).
    private func client(_ record: inout ExchangeRecord) -> Delegation {
        let subject = ClientSubject.of(principal.client)
        record.add(user: subject, issuer: keys.issuer)
        return Delegation(user: nil, subject: subject, issuer: keys.issuer)
    }

    private func exchange(
        _ tokens: TokenExchangeRequest, _ record: inout ExchangeRecord
    ) throws(ExchangeRefusal) -> Delegation {
        let user: VerifiedToken
        do {
            user = try bundle.verifier.verify(tokens.subjectToken, role: .subject, now: now)
        } catch  where error.code == .unknownIssuer {
            return try continued(tokens, &record)
        } catch {
            throw .token(error, "subject_token")
        }
        record.add(user: user.mappedSubject, issuer: user.issuer, actors: user.actors)
        let agent = try agent(for: user, token: tokens.actorToken)
        return try delegation(user, agent, ceiling: .none, &record)
    }

    /// A token of our own, handed on: it only ever narrows (RFC 8693 section 1.1).
    ///
    /// The same holds of the bond between user and agent: `may_act` of a token of ours says with whom there is one. It
    /// goes with the token, to nobody else; where there is none, handing on makes none.
    private func continued(
        _ tokens: TokenExchangeRequest, _ record: inout ExchangeRecord
    ) throws(ExchangeRefusal) -> Delegation {
        let token = try own(tokens.subjectToken)
        guard token.jti.utf8.count <= JWTID.maximumParentLength else { throw .descent }
        guard let owner = bundle.verifier.issuers.owner(ofMapped: token.subject) else {
            throw .subject("is of no user")
        }
        record.add(user: token.subject, issuer: owner.issuer.issuer, actors: token.actors)
        var actors = token.actors
        let agent: ProvenAgent?
        if let actorToken = tokens.actorToken {
            guard bundle.delegation.proof(ofIssuer: owner.issuer.name) == .actorToken else { throw .actorTokenNotTaken }
            let proven = try actor(actorToken, of: token.subject)
            // An agent that shows once more that it acts has been handed nothing.
            if actors.first != proven.party { actors.insert(proven.party, at: 0) }
            agent = proven
        } else {
            // Whoever was handed the token acts now too; the agent is still the one it was minted for: whoever stands
            // behind the clients that handed it on, and nobody further back, who acts no more (RFC 8693 section 4.1).
            agent = token.actors.first { $0.issuer != keys.issuer }.flatMap { self.agent(named: $0) }
            if token.clientID != principal.client {
                actors.insert(.init(issuer: keys.issuer, subject: ClientSubject.of(principal.client)), at: 0)
            }
        }
        record.set(actors: actors)
        if let mayAct = token.mayAct {
            guard agent?.party == mayAct else { throw .actor }
        }
        return Delegation(
            user: .init(issuer: owner.issuer.name, subject: owner.subject), subject: token.subject,
            issuer: owner.issuer.issuer, agent: agent?.identity, agentParty: agent?.party, actors: actors,
            isBound: token.mayAct != nil || agent?.isBound == true, issued: .byUs(token.issuedAt),
            expiries: [token.expiry] + (agent?.expiry.map { [$0] } ?? []), ceiling: AccessCeiling(token),
            txn: token.txn, parent: token.jti, obtainedBy: token.clientID)
    }

    /// An access token of ours that this client may hand on: one that names it in `aud`, or is bound to it by `cnf`.
    private func own(_ token: [UInt8]) throws(ExchangeRefusal) -> OwnToken {
        guard let published = keys.verificationKeys else { throw .keysUnknown }
        let verified: OwnToken
        do {
            verified = try bundle.ownTokens.verify(
                token, kinds: [.accessToken], keys: published, now: now)
        } catch {
            throw .token(error, "subject_token")
        }
        guard bundle.audiences.names(principal.client, in: verified.audience) || principal.isBound(to: verified)
        else { throw .subject("neither names this client nor is bound to it") }
        guard !revocations.isRevoked(verified.jti) else { throw .token(TokenRejection(.revoked), "subject_token") }
        return verified
    }

    /// A partner's assertion: by its `jti` it is redeemed once (RFC 7523 section 3).
    private func redeem(
        _ assertion: [UInt8], _ record: inout ExchangeRecord
    ) throws(ExchangeRefusal) -> Delegation {
        let redeemed: RedeemedAssertion
        do {
            redeemed = try RedeemedAssertion(
                try bundle.verifier.verify(assertion, role: .partner, now: now), redeemedBy: principal,
                issuer: keys.issuer, now: now)
        } catch let error as TokenRejection where error.code == .keysUnavailable {
            throw .token(error, "assertion")
        } catch {
            throw .assertion("\(error)")
        }
        let user = redeemed.token
        record.add(user: user.mappedSubject, issuer: user.issuer, actors: user.actors)
        let delegation: Delegation
        do throws(ExchangeRefusal) {
            delegation = try self.delegation(
                user, try agent(for: user, token: nil), ceiling: redeemed.ceiling, resources: redeemed.resources,
                &record)
            guard delegation.actors.count <= bundle.delegation.maximumDepth else { throw .depth }
        } catch {
            // It is the assertion that says who acts (RFC 7521 section 4.1).
            throw .assertion(error.reason)
        }
        // Last of all: what was refused is not used up by that.
        let skew = bundle.verifier.issuers.issuer(user.issuer)?.clockSkew ?? Issuer.maximumClockSkew
        try authenticator.redeem(redeemed, by: principal.client, clockSkew: skew, now: now)
        return delegation
    }

    private func delegation(
        _ user: VerifiedToken, _ agent: ProvenAgent?, ceiling: AccessCeiling, resources: [String] = [],
        _ record: inout ExchangeRecord
    ) throws(ExchangeRefusal) -> Delegation {
        // A chain with nobody proven before it would put a name that only the users' issuer gave where the agent stands.
        guard agent != nil || user.actors.isEmpty else {
            throw .subject("act names an agent, and none was proven as its issuer is configured")
        }
        // Where the subject token itself names the agent, it stands in its chain already.
        let isInChain = bundle.delegation.proof(ofIssuer: user.issuerName) == .subjectAct
        let earlier = agent != nil && isInChain ? Array(user.actors.dropFirst()) : user.actors
        let actors = (agent.map { [$0.party] } ?? []) + earlier
        record.set(actors: actors)
        if let mayAct = user.mayAct {
            guard let agent, isNamed(agent, by: mayAct, of: user) else { throw .actor }
        }
        return Delegation(
            user: .init(issuer: user.issuerName, subject: user.subject, groups: user.groups),
            subject: user.mappedSubject, issuer: user.issuer, agent: agent?.identity,
            agentParty: agent?.party, actors: actors,
            isBound: agent.map { user.mayAct != nil || $0.isBound } ?? false, issued: user.issueTime,
            expiries: [user.expiry] + (agent?.expiry.map { [$0] } ?? []), ceiling: ceiling, resources: resources,
            userScope: user.scope)
    }
}
