import CoreProtocol
import Minting
import StrictEncoding

extension RevocationView {
    /// Refuses whoever or whatever is cut off; every path that issues passes here.
    ///
    /// The core asks the same of each entry it signs for. What it cannot know is asked here alone: how old the tokens
    /// are that a request is made with, whose prefix a name has, and which client obtained a token that is handed on. A
    /// copy that is out of date lets nobody pass.
    func authorise(_ involved: @autoclosure () -> Involved) throws(ExchangeRefusal) {
        guard isCurrent else { throw .revocationsUnknown }
        if let found = cutOff(involved()) { throw .cutOff(found.kind) }
    }
}

extension IssuerSet {
    /// Every name a party of a chain may be cut off by: as it stands, and as it would stand in `sub`.
    func names(of party: VerifiedToken.Party) -> [String] {
        guard let mapped = party.issuer.flatMap({ issuer($0) })?.mapped(subject: party.subject) else {
            return [party.subject]
        }
        return mapped == party.subject ? [mapped] : [party.subject, mapped]
    }

    /// A chain of actors, all as old as the credential they stand in.
    func involved(_ actors: [VerifiedToken.Party], issued: Involved.IssueTime) -> [Involved.Party] {
        actors.map { Involved.Party(names: names(of: $0), issuer: $0.issuer, issued: issued) }
    }
}

extension [VerifiedToken.Party] {
    /// The clients among actors: those that handed a token on, by their ids.
    ///
    /// Whoever's name reads like a client's counts as one, as in the core (`Involved.init`).
    var clients: [String] { compactMap { ClientSubject.client(in: $0.subject) } }
}

extension VerifiedToken {
    /// When its issuer says it was issued.
    var issueTime: Involved.IssueTime { issuedAt.map { .byIssuer($0) } ?? .unknown }
}

extension Delegation {
    /// Everybody in a request for one target.
    ///
    /// How old the credentials of actors are is not asked: whoever stands there while their sessions were ended waits.
    func involved(_ issuers: IssuerSet, client: String, target: TargetDirectory.Target) -> Involved {
        let user = Involved.Party(names: [subject], issuer: issuer, issued: issued)
        return Involved(
            parties: [user] + issuers.involved(actors, issued: .unknown),
            clients: [client] + (obtainedBy.map { [$0] } ?? []) + actors.clients, target: target.name,
            audience: target.audience)
    }
}

extension Bundle {
    /// Everybody in a token of our own.
    func involved(in token: OwnToken) -> Involved {
        let issuers = verifier.issuers
        let issued = Involved.IssueTime.byUs(token.issuedAt)
        let owner = issuers.owner(ofMapped: token.subject)?.issuer.issuer
        let client = token.kind.clientClaim.flatMap { token.claims[$0]?.string }
        return Involved(
            parties: [.init(names: [token.subject], issuer: owner, issued: issued)]
                + issuers.involved(token.actors, issued: issued),
            clients: (client.map { [$0] } ?? []) + token.actors.clients,
            target: targets.name(ofAudience: token.audience), audience: token.audience)
    }
}
