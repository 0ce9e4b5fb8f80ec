import AuditLog
import CoreProtocol
import Minting
import Policy
import StrictEncoding

/// The token exchange: the only orchestrator of a mint, read from top to bottom.
package struct ExchangeService: Sendable {
    let core: any CoreService
    let keys: KeyDirectory
    let bundles: BundleStore
    let revocations: RevocationView
    let authenticator: ClientAuthenticator
    let metrics: ExchangeMetrics
    let refusals: RefusalLog
    let clock: @Sendable () -> UnixTime
    let newJWTID: @Sendable () -> String
    /// How long one signature may wait for the core.
    var patience = Issuance.patience

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
        record.add(form)

        let asked = try Self.asked(form)
        record.add(asked.access)
        let resolver = DelegationResolver(
            bundle: bundle, keys: keys, authenticator: authenticator, revocations: revocations, principal: principal,
            peer: request.peer, now: now)
        let delegation = try resolver.resolve(asked.grant, &record)
        let target = try bundle.targets.resolve(asked.access, assertedResources: delegation.resources)
        record.add(target)
        let issuedType = try target.kind.issuedType(requested: asked.access.requestedTokenType)

        let issuance = Issuance(
            core: core, keys: keys, metrics: metrics, newName: newJWTID, bundle: bundle, revocations: revocations,
            principal: principal,
            delegation: delegation, now: now, patience: patience)
        let bounded = try BoundedAccess(asked.access, within: delegation)
        let grant = try issuance.authorise(bounded, target)
        let scopes = grant.scopes
        let name = { () throws(ExchangeRefusal) in delegation.identifier(newJWTID()) }
        let jti = try name()
        var receipt: IssuedToken?
        if let domain = asked.access.receipt {
            receipt = try await issuance.receipt(
                of: .init(audience: target.audience, jti: jti), for: domain,
                try BoundedAccess(granted: scopes, by: target, bounded), record)
        }
        // A receipt that is out names the token it is for: that one is signed under this identifier or not at all.
        return try await issuance.issue(grant, bounded, target, jti: jti, rename: receipt == nil ? name : nil, record)
            .answer(as: issuedType, receipt: receipt)
    }

    private static func form(of request: GatewayRequest) throws(ExchangeRefusal) -> FormParameters {
        do {
            return try FormParameters(parsing: request.bodyBytes)
        } catch {
            throw ExchangeRefusal(error)
        }
    }

    private static func asked(_ form: FormParameters) throws(ExchangeRefusal) -> TokenRequest {
        do {
            return try TokenRequest(form)
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
        refusals.refused(
            "refused an exchange", requestID: requestID, code: refusal.error.code.rawValue, reason: refusal.reason)
        return refusal.response
    }
}
