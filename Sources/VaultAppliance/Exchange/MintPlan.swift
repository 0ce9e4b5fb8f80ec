import Minting
import Policy
import StrictEncoding

/// Everything a token will say, decided before it is signed.
struct MintPlan: Sendable {
    let facts: TokenFacts
    let kind: TokenKind
    let claims: JSONObject
    let key: KeyDirectory.ActiveKey

    /// The token, but for its signature.
    var unsigned: UnsignedJWS {
        UnsignedJWS(type: kind.rawValue, algorithm: key.algorithm, kid: key.kid, claims: claims)
    }
}

extension MintPlan {
    /// What a federation's token cannot say of this request refuses it: no tag and no subject is made up.
    init(
        _ facts: TokenFacts, for target: TargetDirectory.Target, key: KeyDirectory.ActiveKey, principal: Principal,
        delegation: Delegation, resources: [String], receipt: TransactionTokenClaims.Receipt?
    ) throws(ExchangeRefusal) {
        let claims: JSONObject
        switch target.kind {
        case .accessToken: claims = AccessTokenClaims(facts, principal: principal, mayAct: delegation.mayAct).json
        case .transaction:
            guard facts.scope != nil else { throw .noScope }
            claims = TransactionTokenClaims(facts, receipt: receipt).json
        case .identityAssertion(let clientID):
            guard delegation.user != nil else { throw .noUser }
            claims = IdentityAssertionClaims(facts, clientID: clientID, resources: resources).json
        case .federation(let subject, let tags):
            claims = try Self.federation(facts, delegation, subject, tags)
        }
        self.init(facts: facts, kind: target.kind.tokenKind, claims: claims, key: key)
    }

    private static func federation(
        _ facts: TokenFacts, _ delegation: Delegation, _ template: ClaimTemplate, _ tags: [SessionTag]
    ) throws(ExchangeRefusal) -> JSONObject {
        var values: ClaimTemplate.Values = [.user: facts.subject, .client: facts.client, .txn: facts.txn]
        values[.agent] = delegation.agentParty?.subject
        values[.agentIssuer] = delegation.agent?.issuer
        values[.tool] = facts.authorizationDetails?.tool
        values[.identifier] = facts.authorizationDetails?.identifier
        guard let subject = template.expanded(values) else { throw .federation("its sub") }
        var expanded: [SessionTag.Value] = []
        for tag in tags {
            guard let value = tag.expanded(values) else { throw .federation("a session tag") }
            expanded.append(value)
        }
        return FederationClaims(facts, subject: subject, userIssuer: delegation.issuer, tags: expanded).json
    }
}

extension AccessTokenClaims {
    fileprivate init(_ facts: TokenFacts, principal: Principal, mayAct: VerifiedToken.Party?) {
        self.init(
            issuer: facts.issuer, subject: facts.subject, audience: facts.audience, clientID: facts.client,
            issuedAt: facts.issuedAt, expiry: facts.expiry, jti: facts.jti, scope: facts.scope,
            authorizationDetails: facts.authorizationDetails, actor: facts.actors.first,
            priorActors: Array(facts.actors.dropFirst()), mayAct: mayAct, certificateThumbprint: principal.thumbprint,
            keyThumbprint: principal.keyThumbprint, txn: facts.txn)
    }
}
