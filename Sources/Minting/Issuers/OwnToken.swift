package import StrictEncoding

/// What a token of our own says whose signature, kind and times have been checked.
package struct OwnToken: Sendable {
    /// Its kind.
    package let kind: TokenKind
    /// `sub`, with the prefix of its issuer.
    package let subject: String
    /// `aud`.
    package let audience: String
    /// `client_id`: the client it was minted for.
    package let clientID: String?
    /// `iat`: seconds since 1970.
    package let issuedAt: Int64
    /// `exp`: seconds since 1970.
    package let expiry: Int64
    /// `jti`.
    package let jti: String
    /// `scope`, by its tokens; empty when nothing was granted.
    package let scope: [String]
    /// `authorization_details`; nil when none was granted.
    package let authorizationDetails: ToolInvocation?
    /// `act`, outermost (current) first.
    package let actors: [VerifiedToken.Party]
    /// `may_act`: the one agent that was bound to the user (RFC 8693 section 4.4); nil when none was.
    package let mayAct: VerifiedToken.Party?
    /// `cnf.x5t#S256` (RFC 8705 section 3.1).
    package let certificateThumbprint: String?
    /// `cnf.jkt` (RFC 9449 section 6.1).
    package let keyThumbprint: String?
    /// `txn`.
    package let txn: String?
    /// All claims.
    package let claims: JSONObject
}

/// Verifies tokens of our own: they are ours by their signature, and by nothing else.
///
/// Source: RFC 9068 section 4, RFC 8725 section 3.11.
package struct OwnTokenVerifier: Sendable {
    /// How far `iat` may lie ahead, in seconds: the core's clock may be that much ahead of ours.
    private static let maximumLead: Int64 = 1

    private let issuer: String
    private let maximumLength: Int

    /// A verifier of the tokens of `issuer`, which is us.
    package init(issuer: String, maximumLength: Int = 16_384) {
        self.issuer = issuer
        self.maximumLength = maximumLength
    }

    /// The token, if it is of one of `kinds` and one of `keys`, our published ones, signed it.
    package func verify(
        _ token: [UInt8], kinds: Set<TokenKind>, keys: JSONWebKeySet, now: UnixTime
    ) throws(TokenRejection) -> OwnToken {
        let parsed = try ParsedJWS(parsing: token, maximumLength: maximumLength)
        guard parsed.unverifiedIssuer == .string(issuer) else { throw TokenRejection(.unknownIssuer) }
        guard let key = keys.key(kid: parsed.header.kid) else { throw TokenRejection(.unknownKey) }
        let claims = try parsed.verified(by: key)
        guard let kind = kinds.first(where: { $0.rawValue.lowercased() == parsed.header.type }) else {
            throw TokenRejection(.wrongType)
        }
        return try Self.read(claims, kind, now)
    }

    private static func read(
        _ claims: JSONObject, _ kind: TokenKind, _ now: UnixTime
    ) throws(TokenRejection) -> OwnToken {
        let reader = ClaimReader(claims: claims)
        guard let expiry = try reader.time("exp") else { throw TokenRejection(.missingClaim("exp")) }
        guard expiry > now.seconds else { throw TokenRejection(.expired) }
        guard let issuedAt = try reader.time("iat") else { throw TokenRejection(.missingClaim("iat")) }
        guard issuedAt <= now.seconds + maximumLead else { throw TokenRejection(.issuedInFuture) }
        let audiences = try reader.audiences()
        guard audiences.count == 1 else { throw TokenRejection(.badClaim("aud")) }
        let confirmation = claims["cnf"]?.object
        return OwnToken(
            kind: kind, subject: try reader.requiredName("sub", maximum: ClaimReader.maximumMappedLength),
            audience: audiences[0], clientID: try reader.name("client_id"), issuedAt: issuedAt, expiry: expiry,
            jti: try reader.requiredName("jti"), scope: try scope(claims),
            authorizationDetails: try details(claims), actors: try reader.actors(), mayAct: try reader.mayAct(),
            certificateThumbprint: confirmation?["x5t#S256"]?.string, keyThumbprint: confirmation?["jkt"]?.string,
            txn: try reader.name("txn"), claims: claims)
    }

    private static func scope(_ claims: JSONObject) throws(TokenRejection) -> [String] {
        guard let value = claims["scope"] else { return [] }
        guard let text = value.string, let tokens = try? Scope.tokens(Array(text.utf8)) else {
            throw TokenRejection(.badClaim("scope"))
        }
        return tokens
    }

    private static func details(_ claims: JSONObject) throws(TokenRejection) -> ToolInvocation? {
        guard let value = claims["authorization_details"] else { return nil }
        guard let details = try? ToolInvocation(value) else { throw TokenRejection(.badClaim("authorization_details")) }
        return details
    }
}
