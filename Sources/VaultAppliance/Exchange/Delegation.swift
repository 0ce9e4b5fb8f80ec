import CoreProtocol
import Minting
import Policy

/// For whom a request asks and through whom, proven: what policy decides on and what the token then says.
struct Delegation: Sendable {
    /// The user as policy knows them; nil for a client that asks for itself.
    let user: AccessRequest.User?
    /// `sub` of what is minted.
    let subject: String
    /// Who vouches for the subject: the user's issuer, or we for a client.
    let issuer: String
    /// Who acts now, as policy knows them; nil when no agent was proven.
    let agent: AccessRequest.Agent?
    /// The same agent as `act` names it.
    let agentParty: VerifiedToken.Party?
    /// `act` of what is minted, the current actor first.
    let actors: [VerifiedToken.Party]
    /// Whether user and agent were bound to one another by somebody other than the caller: `actor_bound`.
    let isBound: Bool
    /// When the credential was issued that proves the user: an ended session is told by it.
    let issued: Involved.IssueTime
    /// `exp` of everything this was proven by.
    let expiries: [Int64]
    /// What the proofs themselves bound, beside policy.
    let ceiling: AccessCeiling
    /// The resources an assertion was issued for; empty when it leaves them open.
    let resources: [String]
    /// The scopes of the user's own token, which bound what a transaction is said to be for; nil where it has none.
    let userScope: [String]?
    /// The transaction that this continues; nil when it begins one.
    let txn: String?
    /// `jti` of the token of ours that is handed on; nil when none is.
    let parent: String?
    /// The client that token was minted for.
    let obtainedBy: String?

    init(
        user: AccessRequest.User?, subject: String, issuer: String, agent: AccessRequest.Agent? = nil,
        agentParty: VerifiedToken.Party? = nil, actors: [VerifiedToken.Party] = [], isBound: Bool = false,
        issued: Involved.IssueTime = .unknown, expiries: [Int64] = [],
        ceiling: AccessCeiling = .none, resources: [String] = [], userScope: [String]? = nil, txn: String? = nil,
        parent: String? = nil, obtainedBy: String? = nil
    ) {
        self.user = user
        self.subject = subject
        self.issuer = issuer
        self.agent = agent
        self.agentParty = agentParty
        self.actors = actors
        self.isBound = isBound
        self.issued = issued
        self.expiries = expiries
        self.ceiling = ceiling
        self.resources = resources
        self.userScope = userScope
        self.txn = txn
        self.parent = parent
        self.obtainedBy = obtainedBy
    }

    /// The `jti` of what is minted, of a new name: with the one it descends from before it.
    func identifier(_ name: String) -> String { parent.map { JWTID.descendant(of: $0, named: name) } ?? name }

    /// `jti` of the receipt of what is minted: it descends from that, and so is revoked with it (RFC 7009 section 2.1).
    func receiptIdentifier(of jti: String, _ name: String) throws(ExchangeRefusal) -> String {
        guard jti.utf8.count <= JWTID.maximumParentLength else { throw .descent }
        return JWTID.descendant(of: jti, named: name)
    }

    /// `may_act` of what is minted: the agent that was bound to the user, and so the only one that may act with it
    /// later; nil when none was (RFC 8693 section 4.4).
    var mayAct: VerifiedToken.Party? { isBound ? agentParty : nil }
}

/// An agent that was proven, by whatever its users' issuer asks for.
struct ProvenAgent: Sendable, Equatable {
    /// As policy knows it.
    let identity: AccessRequest.Agent
    /// As `act` names it.
    let party: VerifiedToken.Party
    /// Whether it was bound to the user by somebody other than the caller.
    let isBound: Bool
    /// `exp` of its own token; nil when it has none.
    let expiry: Int64?
}
