import StrictEncoding

/// The rules for the claims of a token whose signature is good: all of them, each time the token is used.
struct ClaimRules {
    /// Types that a token in each role may have; absent is allowed too, since many issuers write none.
    ///
    /// Everything else is refused, so that no token made for another purpose can be passed off as one of these: our own
    /// transaction tokens and assertions, DPoP proofs, logout and security event tokens (RFC 8725 section 3.11).
    private static func allows(_ type: String?, role: Issuer.Role) -> Bool {
        switch (type, role) {
        // An identity assertion says that it is one, or it is none.
        case (let type, .partner): type == TokenKind.identityAssertion.rawValue
        case (nil, _), ("jwt", _): true
        case ("at+jwt", .subject), ("at+jwt", .actor): true
        case ("client-authentication+jwt", .client): true
        default: false
        }
    }

    let issuers: IssuerSet
    let issuer: Issuer
    let role: Issuer.Role
    let now: UnixTime

    /// The token, if every rule holds.
    func apply(type: String?, claims: JSONObject) throws(TokenRejection) -> VerifiedToken {
        guard issuer.roles.contains(role) else { throw TokenRejection(.issuerNotInRole) }
        guard Self.allows(type, role: role) else { throw TokenRejection(.wrongType) }
        // What happened is no credential: a logout or security event token may lack its type (RFC 8417 section 4.5).
        guard claims["events"] == nil else { throw TokenRejection(.wrongType) }
        let reader = ClaimReader(claims: claims)
        let audiences = try reader.audiences()
        guard audiences.contains(where: { issuer.audiences.contains($0) }) else {
            throw TokenRejection(.wrongAudience)
        }
        let expiry = try checkTimes(reader)
        let subject = try reader.requiredName("sub")
        let mappedSubject = issuer.mapped(subject: subject)
        if role.namesUsers, issuers.isForeign(mappedSubject: mappedSubject, of: issuer) {
            throw TokenRejection(.badClaim("sub"))
        }
        return VerifiedToken(
            issuerName: issuer.name, issuer: issuer.issuer, subject: subject, mappedSubject: mappedSubject,
            audiences: audiences, expiry: expiry, issuedAt: try reader.time("iat"), jti: try reader.name("jti"),
            groups: try issuer.claims.groups.flatMap { name throws(TokenRejection) in try reader.groups(name) },
            mayAct: try reader.mayAct(), actors: try reader.actors(), clientID: try reader.name("client_id"),
            authorizedParty: try reader.name("azp"),
            user: try issuer.claims.user.flatMap { name throws(TokenRejection) in
                try reader.name(name, maximum: ClaimReader.maximumMappedLength)
            },
            claims: claims)
    }

    /// `exp` must be there, `nbf` and `iat` are checked where they are; the issuer's clock may differ by its skew.
    private func checkTimes(_ reader: ClaimReader) throws(TokenRejection) -> Int64 {
        guard let expiry = try reader.time("exp") else { throw TokenRejection(.missingClaim("exp")) }
        // Whole seconds, rounded down: a token is dead from the second of its exp on (RFC 7519 section 4.1.4).
        let now = now.seconds
        guard expiry > now - issuer.clockSkew else { throw TokenRejection(.expired) }
        if let notBefore = try reader.time("nbf"), notBefore > now + issuer.clockSkew {
            throw TokenRejection(.notYetValid)
        }
        let issuedAt = try reader.time("iat")
        if let issuedAt, issuedAt > now + issuer.clockSkew { throw TokenRejection(.issuedInFuture) }
        // It bounds how long ago the user was there; an agent's session may be older.
        if role.namesUsers, let maximumAge = issuer.maximumAge {
            guard let issuedAt else { throw TokenRejection(.missingClaim("iat")) }
            guard now - issuedAt <= maximumAge + issuer.clockSkew else { throw TokenRejection(.tooOld) }
        }
        return expiry
    }
}
