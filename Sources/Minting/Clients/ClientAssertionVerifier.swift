package import StrictEncoding

/// Verifies client assertions: `private_key_jwt`.
///
/// Source: RFC 7523 section 3, RFC 7521 section 5.2, RFC 10070. Whether an assertion was used before is not decided here.
package struct ClientAssertionVerifier: Sendable {
    /// Types of an assertion: the explicit one of RFC 10070, or what libraries write that know only RFC 7523.
    ///
    /// Everything else is refused, so that no token made for another purpose is an assertion (RFC 8725 section 3.11).
    private static let types: Set<String?> = [nil, "jwt", "client-authentication+jwt"]

    private let issuer: String
    private let decoys: DecoyKeys

    /// A verifier of assertions whose `aud` is `issuer`.
    package init(issuer: String) throws(MintingError) {
        self.issuer = issuer
        decoys = try DecoyKeys()
    }

    /// What an assertion says, if it proves one of the clients that `client` finds by id.
    ///
    /// Whatever is wrong with who signed, exactly one signature is verified, with the algorithm that the header names:
    /// an unknown client, an unknown key and a wrong signature cost the same.
    package func verify(
        _ assertion: [UInt8], now: UnixTime, client: (String) -> AssertionClient?
    ) throws(TokenRejection) -> ClientAssertion {
        let parsed = try ParsedJWS(parsing: assertion, maximumLength: ClientAssertion.maximumLength)
        guard let algorithm = JWSAlgorithm(anyName: parsed.header.algorithm) else {
            throw TokenRejection(.badHeader("alg"))
        }
        let client = parsed.unverifiedIssuer?.string.flatMap(client)
        let keys = client?.keys.usable(at: now)
        let key = keys?.key(kid: parsed.header.kid)
        let isFitting = key?.algorithm == algorithm
        let decoy = decoys[algorithm, signatureLength: parsed.signatureLength]
        let claims = Result { () throws(TokenRejection) in
            try parsed.verified(by: isFitting ? key ?? decoy : decoy)
        }
        guard let client else { throw TokenRejection(.unknownClient) }
        guard keys != nil else { throw TokenRejection(.keysUnavailable) }
        guard key != nil else {
            client.keys.wasMissed()
            throw TokenRejection(.unknownKey)
        }
        guard isFitting else { throw TokenRejection(.algorithmMismatch) }
        guard Self.types.contains(parsed.header.type) else { throw TokenRejection(.wrongType) }
        return try check(ClaimReader(claims: try claims.get()), of: client, now: now)
    }

    private func check(
        _ reader: ClaimReader, of client: AssertionClient, now: UnixTime
    ) throws(TokenRejection) -> ClientAssertion {
        guard try reader.requiredName("iss") == client.id else { throw TokenRejection(.badClaim("iss")) }
        guard try reader.requiredName("sub") == client.id else { throw TokenRejection(.badClaim("sub")) }
        // RFC 10070: our issuer and nothing beside it, not even the address of an endpoint of ours.
        guard try reader.audiences() == [issuer] else { throw TokenRejection(.wrongAudience) }
        let jti = try reader.requiredName("jti")
        guard let expiry = try reader.time("exp") else { throw TokenRejection(.missingClaim("exp")) }
        guard let issuedAt = try reader.time("iat") else { throw TokenRejection(.missingClaim("iat")) }
        let (now, skew) = (now.seconds, client.clockSkew)
        guard issuedAt <= now + skew else { throw TokenRejection(.issuedInFuture) }
        guard expiry > now - skew else { throw TokenRejection(.expired) }
        // Both are near now or in the past by here, so nothing can overflow.
        guard expiry <= issuedAt + client.maximumLifetime else { throw TokenRejection(.livesTooLong) }
        if let notBefore = try reader.time("nbf"), notBefore > now + skew { throw TokenRejection(.notYetValid) }
        // With the largest skew: a reload may allow more than today's, and what was used must stay used then too.
        return ClientAssertion(
            clientID: client.id, jti: jti, issuedAt: issuedAt, acceptableUntil: expiry + Issuer.maximumClockSkew)
    }
}
