import AuditLog
import CoreProtocol
import Minting
import StrictEncoding

/// What becomes of a token after it was issued: who may ask whether it counts, and who may end it.
package struct TokenStateService: Sendable {
    let core: any CoreService
    let keys: KeyDirectory
    let bundles: BundleStore
    let authenticator: ClientAuthenticator
    let revocations: RevocationView
    let metrics: RevocationMetrics
    let refusals: RefusalLog
    let clock: @Sendable () -> UnixTime

    /// Answers an introspection (RFC 7662).
    ///
    /// An answer is no leaf: nothing is released or changed by it, resource servers ask for every request, and the log
    /// would say again and again what the mint's entry says once. Refusals of callers are recorded as everywhere.
    package func introspect(_ request: GatewayRequest) async -> GatewayResponse {
        await answer(request) { caller, _ throws(ExchangeRefusal) in
            guard revocations.isCurrent else { throw .revocationsUnknown }
            let token = try own(caller)
            // Every check is made whatever the others say: a refusal takes as long as any other.
            let counts = token.map { [mayAsk(caller, $0), !isRevoked($0), !isCutOff($0, caller)] } ?? [false]
            let isActive = !counts.contains(false)
            metrics.introspected(isActive: isActive)
            let answer = token.flatMap { isActive ? IntrospectionResponse.active($0) : nil }
            return GatewayResponse(status: 200, body: JSONWriter.compact(answer ?? IntrospectionResponse.inactive))
        }
    }

    /// Answers a revocation (RFC 7009): recorded durably before its 200.
    package func revoke(_ request: GatewayRequest) async -> GatewayResponse {
        await answer(request) { caller, record async throws(ExchangeRefusal) in
            // RFC 7009 section 2.2: of a token that is invalid anyway the client need not hear.
            guard let token = try own(caller) else {
                metrics.revoked(.invalid)
                return Self.done(leaf: nil)
            }
            guard let claim = token.kind.clientClaim else { throw .notRevocable }
            guard token.claims[claim] == .string(caller.principal.client) else { throw .notIssuedToCaller }
            guard !revocations.isRevoked(token.jti) else {
                metrics.revoked(.again)
                return Self.done(leaf: nil)
            }
            let entry = record.revoked(
                token, target: caller.bundle.targets.name(ofAudience: token.audience),
                longestLifetime: keys.longestLifetime)
            do throws(CoreError) {
                let leaf = try await core.append(entry)
                revocations.note(entry)
                metrics.revoked(.done)
                return Self.done(leaf: leaf)
            } catch {
                throw ExchangeRefusal(error)
            }
        }
    }

    /// An authenticated caller and the token it presents.
    private struct Caller {
        let principal: Principal
        let bundle: Bundle
        let token: [UInt8]
        let now: UnixTime
    }

    private func answer(
        _ request: GatewayRequest,
        _ body: (Caller, ExchangeRecord) async throws(ExchangeRefusal) -> GatewayResponse
    ) async -> GatewayResponse {
        let (bundle, now) = (bundles.current, clock())
        var record = ExchangeRecord(requestID: request.requestID, bundle: bundle.hash, peer: request.peer)
        let response: GatewayResponse
        do throws(ExchangeRefusal) {
            let caller = try caller(request, bundle, now)
            record.add(caller.principal)
            response = try await body(caller, record)
        } catch {
            response = await refuse(error, record, request)
        }
        return authenticator.finished(response, for: request, now: now)
    }

    private func caller(
        _ request: GatewayRequest, _ bundle: Bundle, _ now: UnixTime
    ) throws(ExchangeRefusal) -> Caller {
        do {
            let form = try FormParameters(parsing: request.bodyBytes)
            let principal = try authenticator.authenticate(request, form, in: bundle.clients, now: now)
            return Caller(
                principal: principal, bundle: bundle, token: try PresentedTokenRequest(form).token, now: now)
        } catch let error as ExchangeRefusal {
            throw error
        } catch let error as OAuthError {
            throw ExchangeRefusal(error)
        } catch {
            throw .revocationsUnknown
        }
    }

    /// The token, if it is ours, by its signature, and has not expired.
    ///
    /// Without our keys nothing can be said of any: that is no token that is invalid anyway.
    private func own(_ caller: Caller) throws(ExchangeRefusal) -> OwnToken? {
        guard let published = keys.verificationKeys else { throw .keysUnknown }
        return try? caller.bundle.ownTokens.verify(
            caller.token, kinds: Set(TokenKind.allCases), keys: published, now: caller.now)
    }

    /// A token is asked about by those it is for: named in `aud`, its target's resource server, or bound by `cnf`.
    private func mayAsk(_ caller: Caller, _ token: OwnToken) -> Bool {
        let client = caller.principal.client
        let isNamed = caller.bundle.audiences.names(client, in: token.audience)
        let isServer = caller.bundle.introspection.allows(client, audience: token.audience)
        return isNamed || isServer || caller.principal.isBound(to: token)
    }

    private func isRevoked(_ token: OwnToken) -> Bool { revocations.isRevoked(token.jti) }

    /// Whether anybody in the token, or the caller, is cut off: who is cut off is told nothing.
    private func isCutOff(_ token: OwnToken, _ caller: Caller) -> Bool {
        let asks = Involved(parties: [], clients: [caller.principal.client], target: nil)
        return revocations.cutOff(caller.bundle.involved(in: token)) != nil || revocations.cutOff(asks) != nil
    }

    private static func done(leaf: UInt64?) -> GatewayResponse {
        GatewayResponse(
            status: 200, headers: leaf.map { [("X-Audit-Leaf", String($0))] } ?? [], body: [])
    }

    /// Records the refusal, then answers it; one that cannot be recorded is answered as unavailable.
    private func refuse(
        _ refusal: ExchangeRefusal, _ record: ExchangeRecord, _ request: GatewayRequest
    ) async -> GatewayResponse {
        var refusal = refusal
        do {
            _ = try await core.append(record.denied(refusal))
        } catch {
            refusal = ExchangeRefusal(error)
        }
        metrics.refused(path: request.path, code: refusal.error.code.rawValue)
        refusals.refused(
            "refused a request at \(request.path)", requestID: request.requestID, code: refusal.error.code.rawValue,
            reason: refusal.reason)
        return refusal.response
    }
}

extension ExchangeRecord {
    /// The entry of a token that its client gave up.
    ///
    /// What was made from it may be a receipt, which can live longer than it does: as long as any key's tokens.
    func revoked(_ token: OwnToken, target: String?, longestLifetime: Int64) -> Entry {
        var entry = base
        entry.kind = .revoked
        entry.user = .init(iss: nil, sub: token.subject)
        if !token.actors.isEmpty { entry.actors = token.actors.map { .init(iss: $0.issuer, sub: $0.subject) } }
        entry.target = target
        entry.tokenKind = token.kind.rawValue
        entry.jti = token.jti
        entry.iat = token.issuedAt
        entry.exp = token.expiry
        entry.until = max(token.expiry, token.issuedAt + longestLifetime) + RevocationList.grace
        entry.txn = token.txn
        return entry
    }
}
