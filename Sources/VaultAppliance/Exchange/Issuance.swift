import CoreProtocol
import Minting
import Policy
import StrictEncoding

/// One request's way from a decision to a signed token: the only one there is, for every grant and every kind of token.
///
/// Policy decides first; its grant is spent by exactly one signature of the core.
struct Issuance: Sendable {
    /// How long one signature may wait for the core, unless a service is told otherwise.
    static let patience = Duration.seconds(2)

    let core: any CoreService
    let keys: KeyDirectory
    let metrics: ExchangeMetrics
    /// A new name, for the identifier of a token.
    let newName: @Sendable () -> String
    let bundle: Bundle
    let revocations: RevocationView
    let principal: Principal
    let delegation: Delegation
    let now: UnixTime
    let patience: Duration

    /// The permission to issue what is asked for; never more than the tokens it is asked by allow.
    func authorise(
        _ asked: BoundedAccess, _ target: TargetDirectory.Target
    ) throws(ExchangeRefusal) -> Grant {
        try revocations.authorise(
            delegation.involved(bundle.verifier.issuers, client: principal.client, target: target))
        let request = AccessRequest(asked, principal: principal, target: target, delegation: delegation)
        let grant: Grant
        do throws(Denial) {
            grant = try bundle.policy.grant(request, now: now.seconds)
        } catch {
            throw ExchangeRefusal(error)
        }
        do throws(OAuthError) {
            try delegation.ceiling.check(granted: grant.scopes)
            // A transaction token says no more than its subject token (draft-ietf-oauth-transaction-tokens section 14.6).
            if target.kind == .transaction {
                try AccessCeiling(scope: delegation.userScope, details: nil).check(granted: grant.scopes)
            }
        } catch {
            throw ExchangeRefusal(error)
        }
        return grant
    }

    /// Spends a grant: a token within it, recorded and signed by the core, with one PKCS#11 token's key after the other
    /// until one has signed or there is no time for another.
    ///
    /// A mint that failed has its `mint.aborted` entry before the next one is tried, under another identifier, which
    /// `rename` makes; one whose identifier is fixed is not tried again.
    func issue(
        _ grant: consuming Grant, _ asked: BoundedAccess, _ target: TargetDirectory.Target, jti: String,
        rename: (() throws(ExchangeRefusal) -> String)?, receipt: TransactionTokenClaims.Receipt? = nil,
        _ record: ExchangeRecord
    ) async throws(ExchangeRefusal) -> IssuedToken {
        var attempts = MintAttempts(keys.route(label: target.key), within: patience)
        var (jti, failure) = (jti, ExchangeRefusal.key(target.key))
        while let (key, patience) = attempts.next() {
            let plan = try plan(
                grant.scopes, lifetime: grant.lifetime.granted(asked: asked.expiresIn), asked, target, key: key,
                jti: jti, receipt: receipt, txn: delegation.txn ?? record.requestID)
            do {
                return try await sign(plan, target, rule: grant.ruleID, patience: patience, record)
            } catch let error {
                failure = error
                guard error.isOfToken else { break }
                keys.suspect(kid: key.kid)
                metrics.keyFailed()
                guard let rename else { break }
                jti = try rename()
            }
        }
        throw failure
    }

    private func sign(
        _ plan: MintPlan, _ target: TargetDirectory.Target, rule: String, patience: Duration, _ record: ExchangeRecord
    ) async throws(ExchangeRefusal) -> IssuedToken {
        let unsigned = plan.unsigned
        let entry = record.mint(unsigned, plan: plan, rule: rule)
        do {
            let signed = try await core.sign(
                SignRequest(
                    kid: plan.key.kid, entry: entry, input: unsigned.signingInput, patience: patience,
                    turn: record.turn, issued: delegation.issued))
            return IssuedToken(
                token: unsigned.compact(signature: signed.signature), leaf: signed.index, plan: plan,
                tokenType: target.kind == .accessToken ? principal.tokenType : "N_A")
        } catch {
            throw ExchangeRefusal(error)
        }
    }

    /// A transaction token that says what another token was issued for; policy grants it like any other.
    func receipt(
        of token: TransactionTokenClaims.Receipt, for domain: String, _ asked: BoundedAccess, _ record: ExchangeRecord
    ) async throws(ExchangeRefusal) -> IssuedToken {
        let target = try bundle.targets.transactions(named: domain)
        var record = record
        record.add(target)
        let name = { () throws(ExchangeRefusal) in try delegation.receiptIdentifier(of: token.jti, newName()) }
        return try await issue(
            try authorise(asked, target), asked, target, jti: try name(), rename: name, receipt: token, record)
    }

    /// What a token within a grant will say.
    func plan(
        _ scopes: [String], lifetime: Int64, _ asked: BoundedAccess, _ target: TargetDirectory.Target,
        key: KeyDirectory.ActiveKey, jti: String, receipt: TransactionTokenClaims.Receipt?, txn: String
    ) throws(ExchangeRefusal) -> MintPlan {
        let lifetime = Lifetime.cap(
            granted: lifetime, key: key.maximumLifetime, kind: target.kind.tokenKind, now: now,
            expiries: delegation.expiries)
        guard let lifetime else { throw .noLifetime }
        let facts = TokenFacts(
            issuer: key.issuer, subject: delegation.subject, audience: target.audience, client: principal.client,
            issuedAt: now.seconds, expiry: now.seconds + lifetime, jti: jti,
            scope: scopes.isEmpty ? nil : scopes.joined(separator: " "), authorizationDetails: asked.details,
            actors: delegation.actors, txn: txn)
        return try MintPlan(
            facts, for: target, key: key, principal: principal, delegation: delegation, resources: asked.resources,
            receipt: receipt)
    }
}

/// A token that was recorded and signed.
struct IssuedToken: Sendable {
    /// In compact serialization.
    let token: String
    /// Index of the entry that records it.
    let leaf: UInt64
    let plan: MintPlan
    let tokenType: String

    /// The answer to the request (RFC 8693 section 2.2.1).
    func answer(as type: TokenType, receipt: IssuedToken?) -> GatewayResponse {
        let facts = plan.facts
        let answer = TokenExchangeResponse(
            accessToken: token, issuedTokenType: type, tokenType: tokenType, lifetime: facts.expiry - facts.issuedAt,
            scope: facts.scope, authorizationDetails: facts.authorizationDetails, receipt: receipt?.token)
        return GatewayResponse(
            status: 200, headers: [("X-Audit-Leaf", String(leaf))], body: JSONWriter.compact(answer.json))
    }
}
