package import StrictEncoding

/// The claims of a token that a development issuer makes (RFC 7519 section 4.1).
package struct DevelopmentClaims: Sendable, Equatable {
    /// `iss`.
    package var issuer: String
    /// `sub`.
    package var subject: String
    /// `aud`, one string.
    package var audience: String
    /// `iat` and `nbf`.
    package var issuedAt: UnixTime
    /// `exp` minus `iat`, in seconds.
    package var lifetime: Int64
    /// `jti`.
    package var jwtID: String
    /// `groups`; nil leaves the claim out.
    package var groups: [String]?

    /// Claims without groups.
    package init(
        issuer: String, subject: String, audience: String, issuedAt: UnixTime, lifetime: Int64, jwtID: String
    ) {
        self.issuer = issuer
        self.subject = subject
        self.audience = audience
        self.issuedAt = issuedAt
        self.lifetime = lifetime
        self.jwtID = jwtID
    }

    /// The claims as JSON, with members added or replaced; a null removes the claim.
    package func json(changing members: [JSONObject.Member] = []) -> JSONObject {
        var object = JSONObject([
            .init(name: "iss", value: .string(issuer)), .init(name: "sub", value: .string(subject)),
            .init(name: "aud", value: .string(audience)), .init(name: "iat", value: .integer(issuedAt.seconds)),
            .init(name: "nbf", value: .integer(issuedAt.seconds)),
            .init(name: "exp", value: .integer(issuedAt.seconds + lifetime)),
            .init(name: "jti", value: .string(jwtID)),
        ])
        if let groups { object["groups"] = .array(groups.map { .string($0) }) }
        for member in members { object[member.name] = member.value == .null ? nil : member.value }
        return object
    }
}
