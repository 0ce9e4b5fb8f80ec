import AuditLog
import CoreProtocol
import Logging
import Minting
import Policy
import StrictEncoding

/// The token exchange: the only orchestrator of a mint, read from top to bottom (docs/architecture.md, "One request").
package struct ExchangeService: Sendable {
    /// How long one exchange may wait for the core.
    static let patience = Duration.seconds(2)

    let core: any CoreService
    let keys: KeyDirectory
    let bundles: BundleStore
    let authenticator: ClientAuthenticator
    let metrics: ExchangeMetrics
    let logger: Logger
    let clock: @Sendable () -> UnixTime
    let newJWTID: @Sendable () -> String

    /// Answers one request at the token endpoint; whatever it answers has been recorded first.
    package func respond(to request: GatewayRequest) async -> GatewayResponse {
        let bundle = bundles.current
        var record = ExchangeRecord(requestID: request.requestID, bundle: bundle.hash, peer: request.peer)
        do {
            let response = try await exchange(request, bundle, &record)
            metrics.granted()
            return authenticator.finished(response, for: request, now: clock())
        } catch {
            let answer = await refuse(error, record, request.requestID)
            return authenticator.finished(answer, for: request, now: clock())
        }
    }

    private func exchange(
        _ request: GatewayRequest, _ bundle: Bundle, _ record: inout ExchangeRecord
    ) async throws(ExchangeRefusal) -> GatewayResponse {
        let now = clock()
        let form = try Self.form(of: request)
        let principal = try authenticator.authenticate(request, form, in: bundle.clients, now: now)
        record.add(principal)

        let asked = try Self.asked(form)
        record.add(asked)
        let target = try bundle.targets.resolve(audiences: asked.audiences, resources: asked.resources)
        record.add(target)

        let user = try bundle.verify(asked.subjectToken, as: .subject, "subject_token", now: now)
        record.add(user: user)
        let agent = try asked.actorToken.map { token throws(ExchangeRefusal) in
            try bundle.verify(token, as: .actor, "actor_token", now: now)
        }
        if let agent { record.add(agent: agent) }
        guard user.admits(agent) else { throw .actor }

        let grant: Grant
        do {
            grant = try bundle.policy.grant(
                AccessRequest(asked, principal: principal, target: target, user: user, agent: agent),
                now: now.seconds)
        } catch {
            throw ExchangeRefusal(error)
        }
        return try await mint(
            grant, Parties(principal: principal, target: target, user: user, agent: agent), record, asked, now)
    }

    /// Who takes part in one mint.
    private struct Parties {
        let principal: Principal
        let target: TargetDirectory.Target
        let user: VerifiedToken
        let agent: VerifiedToken?
    }

    /// Spends a grant: claims within it, one call to the core, the answer.
    private func mint(
        _ grant: consuming Grant, _ parties: Parties, _ record: ExchangeRecord, _ asked: TokenExchangeRequest,
        _ now: UnixTime
    ) async throws(ExchangeRefusal) -> GatewayResponse {
        guard let key = keys.active(label: parties.target.key) else { throw .key(parties.target.key) }
        let lifetime = Lifetime.cap(
            rule: grant.lifetime.default, key: key.maximumLifetime, now: now,
            expiries: [parties.user.expiry, parties.agent?.expiry].compactMap { $0 })
        guard let lifetime else { throw .noLifetime }
        let scope = grant.scopes.isEmpty ? nil : grant.scopes.joined(separator: " ")
        let claims = AccessTokenClaims(
            issuer: key.issuer, subject: parties.user.mappedSubject, audience: parties.target.audience,
            clientID: parties.principal.client, issuedAt: now.seconds, expiry: now.seconds + lifetime,
            jti: newJWTID(), scope: scope, authorizationDetails: asked.authorizationDetails,
            actor: parties.agent.map { VerifiedToken.Party(issuer: $0.issuer, subject: $0.mappedSubject) },
            priorActors: parties.user.actors, certificateThumbprint: parties.principal.thumbprint,
            keyThumbprint: parties.principal.keyThumbprint, txn: record.requestID)
        let token = UnsignedJWS(
            type: AccessTokenClaims.type, algorithm: key.algorithm, kid: key.kid, claims: claims.json)
        let entry = record.mint(token, claims: claims, kid: key.kid, rule: grant.ruleID)
        let signed: SignedRecord
        do {
            signed = try await core.sign(
                SignRequest(kid: key.kid, entry: entry, input: token.signingInput, patience: Self.patience))
        } catch {
            throw ExchangeRefusal(error)
        }
        let answer = TokenExchangeResponse(
            accessToken: token.compact(signature: signed.signature),
            issuedTokenType: asked.requestedTokenType ?? .accessToken, tokenType: parties.principal.tokenType,
            lifetime: lifetime, scope: scope,
            authorizationDetails: asked.authorizationDetails)
        return GatewayResponse(
            status: 200, headers: [("X-Audit-Leaf", String(signed.index))], body: JSONWriter.compact(answer.json))
    }

    private static func form(of request: GatewayRequest) throws(ExchangeRefusal) -> FormParameters {
        do {
            return try FormParameters(parsing: request.bodyBytes)
        } catch {
            throw ExchangeRefusal(error)
        }
    }

    private static func asked(_ form: FormParameters) throws(ExchangeRefusal) -> TokenExchangeRequest {
        do {
            return try TokenExchangeRequest(form)
        } catch {
            throw ExchangeRefusal(error)
        }
    }

    /// Records the refusal, then answers it; one that cannot be recorded is answered as unavailable.
    private func refuse(
        _ refusal: ExchangeRefusal, _ record: ExchangeRecord, _ requestID: String
    ) async -> GatewayResponse {
        var refusal = refusal
        do {
            _ = try await core.append(record.denied(refusal))
        } catch {
            refusal = ExchangeRefusal(error)
        }
        metrics.refused(refusal.error.code.rawValue)
        logger.info(
            "refused an exchange",
            metadata: [
                "request_id": "\(requestID)", "code": "\(refusal.error.code.rawValue)",
                "reason": "\(refusal.reason)",
            ])
        return refusal.response
    }
}
