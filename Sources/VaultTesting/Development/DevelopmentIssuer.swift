package import StrictEncoding

/// An identity provider for development and tests: keys of every kind, a JWKS, and tokens for users and agents.
///
/// Swift tests use it in memory; `vault-development issuer` writes the same keys into files.
package struct DevelopmentIssuer: Sendable {
    /// The issuer string, `iss` of every token.
    package let issuer: String
    /// The audience, `aud` of every token that does not say otherwise.
    package let audience: String
    /// One key an algorithm, in the order they were asked for.
    package let keys: [DevelopmentKey]

    /// An issuer with a new key for each algorithm.
    package init(
        issuer: String, audience: String, algorithms: [DevelopmentKey.Algorithm] = DevelopmentKey.Algorithm.allCases
    ) throws {
        self.init(issuer: issuer, audience: audience, keys: try algorithms.map { try DevelopmentKey($0) })
    }

    /// An issuer with keys that are there already.
    package init(issuer: String, audience: String, keys: [DevelopmentKey]) {
        self.issuer = issuer
        self.audience = audience
        self.keys = keys
    }

    /// The public keys (RFC 7517 section 5).
    package var jwks: JSONObject {
        get throws {
            JSONObject([.init(name: "keys", value: .array(try keys.map { .object(try $0.publicJWK) }))])
        }
    }

    /// The key for an algorithm; an issuer without one is a mistake of the test.
    package func key(_ algorithm: DevelopmentKey.Algorithm) throws -> DevelopmentKey {
        guard let key = keys.first(where: { $0.algorithm == algorithm }) else {
            throw DevelopmentError(.key, "the issuer has no key for \(algorithm.rawValue)")
        }
        return key
    }

    /// A token for a user: `iss sub aud iat nbf exp jti groups`.
    package func userToken(
        subject: String, groups: [String], now: UnixTime, jwtID: String, lifetime: Int64 = 300,
        algorithm: DevelopmentKey.Algorithm = .es256, changing: [JSONObject.Member] = []
    ) throws -> String {
        var claims = claims(subject: subject, now: now, jwtID: jwtID, lifetime: lifetime)
        claims.groups = groups
        return try mint(claims, algorithm, changing)
    }

    /// A token for an agent: the same without groups.
    package func agentToken(
        subject: String, now: UnixTime, jwtID: String, lifetime: Int64 = 300,
        algorithm: DevelopmentKey.Algorithm = .es256, changing: [JSONObject.Member] = []
    ) throws -> String {
        try mint(claims(subject: subject, now: now, jwtID: jwtID, lifetime: lifetime), algorithm, changing)
    }

    private func claims(subject: String, now: UnixTime, jwtID: String, lifetime: Int64) -> DevelopmentClaims {
        DevelopmentClaims(
            issuer: issuer, subject: subject, audience: audience, issuedAt: now, lifetime: lifetime, jwtID: jwtID)
    }

    private func mint(
        _ claims: DevelopmentClaims, _ algorithm: DevelopmentKey.Algorithm, _ changing: [JSONObject.Member]
    ) throws -> String {
        let key = try key(algorithm)
        return try key.sign(header: key.header, claims: claims.json(changing: changing))
    }
}
