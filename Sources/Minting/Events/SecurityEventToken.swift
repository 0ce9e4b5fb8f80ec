package import StrictEncoding

/// A security event token whose signature, issuer, role, type, audience and age have been checked.
///
/// Source: RFC 8417 section 2, OpenID Shared Signals Framework 1.0 section 4.1.
package struct SecurityEventToken: Sendable {
    /// The `typ` header (RFC 8417 section 2.3), which must be there.
    package static let type = "secevent+jwt"
    /// The media type of a pushed token (RFC 8935 section 2.1).
    package static let mediaType = "application/secevent+jwt"
    /// The most events one token may describe.
    static let maximumEvents = 8
    /// How old a token may be that is delivered late, in seconds: a day, which no session of ours outlives.
    package static let maximumAge: Int64 = 86_400

    /// The configured name of the transmitter's issuer.
    package let issuerName: String
    /// `iss`.
    package let issuer: String
    /// `jti`: the same one is the same event, however often it is delivered.
    package let jti: String
    /// `iat`: seconds since 1970, by the issuer's clock.
    package let issuedAt: Int64
    /// Each event's type and payload.
    package let events: [(type: String, payload: JSONObject)]
    /// `sub_id`, whom the events are about (RFC 9493 section 4); nil when absent.
    package let subject: JSONValue?

    /// Reads the claims; the caller has checked signature and issuer.
    init(_ claims: JSONObject, from issuer: Issuer, now: UnixTime) throws(TokenRejection) {
        let reader = ClaimReader(claims: claims)
        guard try reader.audiences().contains(where: { issuer.audiences.contains($0) }) else {
            throw TokenRejection(.wrongAudience)
        }
        guard let issuedAt = try reader.time("iat") else { throw TokenRejection(.missingClaim("iat")) }
        guard issuedAt <= now.seconds + issuer.clockSkew else { throw TokenRejection(.issuedInFuture) }
        guard now.seconds - issuedAt <= Self.maximumAge + issuer.clockSkew else { throw TokenRejection(.tooOld) }
        guard let jti = try reader.name("jti") else { throw TokenRejection(.missingClaim("jti")) }
        // RFC 8417 section 2.2: an object of at least one event, each an object.
        guard let value = claims["events"] else { throw TokenRejection(.missingClaim("events")) }
        guard let members = value.object?.members, (1...Self.maximumEvents).contains(members.count) else {
            throw TokenRejection(.badClaim("events"))
        }
        var events: [(type: String, payload: JSONObject)] = []
        for member in members {
            guard let payload = member.value.object else { throw TokenRejection(.badClaim("events")) }
            events.append((member.name, payload))
        }
        issuerName = issuer.name
        self.issuer = issuer.issuer
        self.jti = jti
        self.issuedAt = issuedAt
        self.events = events
        subject = claims["sub_id"]
    }
}

extension InboundTokenVerifier {
    /// Verifies a security event token of an issuer with the role `events`.
    package func verifyEvent(_ token: [UInt8], now: UnixTime) throws(TokenRejection) -> SecurityEventToken {
        let parsed = try ParsedJWS(parsing: token, maximumLength: maximumLength)
        let issuer = try issuer(of: parsed)
        guard issuer.roles.contains(.events) else { throw TokenRejection(.issuerNotInRole) }
        // Exactly this type, so that no token made for another purpose is taken for an event (RFC 8417 section 4.5).
        guard parsed.header.type == SecurityEventToken.type else { throw TokenRejection(.wrongType) }
        guard let keys = issuer.keys.usable(at: now) else { throw TokenRejection(.keysUnavailable) }
        guard let key = keys.key(kid: parsed.header.kid) else {
            issuer.keys.wasMissed()
            throw TokenRejection(.unknownKey)
        }
        return try SecurityEventToken(try parsed.verified(by: key), from: issuer, now: now)
    }
}
