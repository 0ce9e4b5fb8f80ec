import AuditLog
import CoreProtocol
import Logging
import Minting
import StrictEncoding

/// Takes pushed security events: a session that its issuer has ended ends here at once.
///
/// Source: RFC 8935 section 2, OpenID CAEP 1.0 section 3.1.
package struct SecurityEventReceiver: Sendable {
    /// The one event that is acted on (OpenID CAEP 1.0 section 3.1).
    static let sessionRevoked = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"

    let core: any CoreService
    let keys: KeyDirectory
    let bundles: BundleStore
    let revocations: RevocationView
    let metrics: RevocationMetrics
    let logger: Logger
    let refusals: RefusalLog
    let clock: @Sendable () -> UnixTime

    /// Answers one delivery: 202 once whatever follows from it is durable and in force.
    ///
    /// Whoever pushes is known by the token's signature; a client certificate, where one is sent, is recorded.
    package func receive(_ request: GatewayRequest) async -> GatewayResponse {
        do {
            metrics.received(try await take(request))
            return GatewayResponse(status: 202, body: [])
        } catch {
            metrics.received(error.code == nil ? .unavailable : .refused)
            refusals.refused(
                "a security event was not taken", requestID: request.requestID,
                code: error.code?.rawValue ?? "unavailable", reason: error.description, at: .warning)
            return error.response
        }
    }

    private func take(
        _ request: GatewayRequest
    ) async throws(SecurityEventRefusal) -> RevocationMetrics.EventOutcome {
        let (bundle, now) = (bundles.current, clock())
        let token: SecurityEventToken
        do throws(TokenRejection) {
            token = try bundle.verifier.verifyEvent(request.bodyBytes, now: now)
        } catch {
            throw error.code == .keysUnavailable ? .keysUnavailable : SecurityEventRefusal(error)
        }
        guard let event = token.events.first(where: { $0.type == Self.sessionRevoked }) else {
            // RFC 8935 section 2.2: it was received and is valid; what follows from it is the recipient's affair.
            logger.info("a security event of a type that is not followed", metadata: ["issuer": "\(token.issuerName)"])
            return .ignored
        }
        let user = try user(token, event.payload, bundle)
        let until = end(of: user.issuer, endedAt: token.issuedAt, now: now)
        guard until > now.seconds else { return .known }
        let entry = entry(token, user, until: until, request, bundle)
        guard !revocations.holds(entry) else { return .known }
        do throws(CoreError) {
            _ = try await core.append(entry)
        } catch {
            throw SecurityEventRefusal(error)
        }
        revocations.note(entry)
        logger.notice("ended a user's sessions", metadata: ["issuer": "\(token.issuerName)"])
        return .recorded
    }

    /// Whom the event is about: one of the users that its transmitter may speak of.
    private func user(
        _ token: SecurityEventToken, _ payload: JSONObject, _ bundle: Bundle
    ) throws(SecurityEventRefusal) -> (issuer: Issuer, subject: String) {
        // Final SSF has `sub_id` beside the events; drafts that are still about have `subject` in the event.
        guard let subject = SubjectIdentifier(token.subject ?? payload["subject"]) else {
            throw SecurityEventRefusal(.invalidRequest, "the subject must be of format iss_sub")
        }
        guard let issuer = bundle.verifier.issuers.issuer(subject.issuer), issuer.roles.contains(.subject),
            bundle.transmitters.may(token.issuerName, speakOf: issuer.name)
        else { throw SecurityEventRefusal(.accessDenied, "the subject's issuer is not one to send events for") }
        let mapped = issuer.mapped(subject: subject.subject)
        // No user of that issuer: its name would be another issuer's user, or a client.
        guard !bundle.verifier.issuers.isForeign(mappedSubject: mapped, of: issuer) else {
            throw SecurityEventRefusal(.accessDenied, "the subject cannot be a user of its issuer")
        }
        return (issuer, mapped)
    }

    /// Until when it matters: as long as a token of the session, or the last of ours made with one, could be used.
    ///
    /// It depends on the event alone: whoever sends it again ends nothing that began after it.
    private func end(of issuer: Issuer, endedAt: Int64, now: UnixTime) -> Int64 {
        // The configuration has made sure that there is a bound.
        let session = endedAt + (issuer.maximumAge ?? SecurityEventToken.maximumAge) + issuer.clockSkew
        return min(session + keys.longestLifetime, now.seconds + SecurityEventToken.maximumAge) + RevocationList.grace
    }

    private func entry(
        _ token: SecurityEventToken, _ user: (issuer: Issuer, subject: String), until: Int64,
        _ request: GatewayRequest, _ bundle: Bundle
    ) -> Entry {
        var entry = Entry(kind: .cutoff)
        entry.requestID = request.requestID
        entry.bundle = bundle.hash
        entry.peer = request.peer?.fingerprint
        entry.subject = .init(iss: user.issuer.issuer, sub: user.subject)
        entry.subjectType = CutOff.Kind.user.rawValue
        entry.jti = token.jti
        entry.iat = token.issuedAt
        entry.until = until
        entry.reason = "security event: session-revoked of \(token.issuerName)"
        return entry
    }
}
