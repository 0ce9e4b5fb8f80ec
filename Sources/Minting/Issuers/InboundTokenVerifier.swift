import Crypto
package import StrictEncoding

/// Verifies inbound tokens against the configured issuers.
///
/// Source: RFC 8725, RFC 7519 section 7.2.
package struct InboundTokenVerifier: Sendable {
    /// The issuers it trusts.
    package let issuers: IssuerSet
    let maximumLength: Int
    private let cache: VerificationCache

    /// A verifier; the cache may be handed on to the verifier of the next configuration.
    package init(issuers: IssuerSet, maximumLength: Int = 16_384, cache: VerificationCache = VerificationCache()) {
        self.issuers = issuers
        self.maximumLength = maximumLength
        self.cache = cache
    }

    /// The claims of a token in compact serialization, presented as `role`.
    ///
    /// `iss` of the unverified claims chooses the issuer and nothing else; the key is the issuer's with this `kid`, with
    /// no fall-back; the algorithm is the key's. A token that was verified before skips its signature alone.
    package func verify(
        _ token: [UInt8], role: Issuer.Role, now: UnixTime
    ) throws(TokenRejection) -> VerifiedToken {
        guard token.count <= maximumLength else { throw TokenRejection(.tooLong) }
        let digest = SHA256.hash(data: token)
        if let entry = cache.entry(for: digest), let issuer = issuers.issuer(entry.issuer),
            issuer.keys.usable(at: now)?.version == entry.keys
        {
            let rules = ClaimRules(issuers: issuers, issuer: issuer, role: role, now: now)
            return try rules.apply(type: entry.type, claims: entry.claims)
        }
        let parsed = try ParsedJWS(parsing: token, maximumLength: maximumLength)
        let issuer = try issuer(of: parsed)
        guard issuer.roles.contains(role) else { throw TokenRejection(.issuerNotInRole) }
        guard let keys = issuer.keys.usable(at: now) else { throw TokenRejection(.keysUnavailable) }
        guard let key = keys.key(kid: parsed.header.kid) else {
            issuer.keys.wasMissed()
            throw TokenRejection(.unknownKey)
        }
        let claims = try parsed.verified(by: key)
        let verified = try ClaimRules(issuers: issuers, issuer: issuer, role: role, now: now)
            .apply(type: parsed.header.type, claims: claims)
        cache.insert(
            .init(
                issuer: issuer.issuer, keys: keys.version, type: parsed.header.type, claims: claims,
                size: token.count),
            for: digest)
        return verified
    }

    /// The configured issuer that a token, not yet verified, says it is from.
    func issuer(of token: ParsedJWS) throws(TokenRejection) -> Issuer {
        guard let value = token.unverifiedIssuer else { throw TokenRejection(.missingClaim("iss")) }
        guard let string = value.string else { throw TokenRejection(.badClaim("iss")) }
        guard let issuer = issuers.issuer(string) else { throw TokenRejection(.unknownIssuer) }
        return issuer
    }
}
