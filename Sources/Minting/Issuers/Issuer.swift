/// An issuer of inbound tokens, as configured: what it is trusted for, and with which keys (docs/integrating.md).
package struct Issuer: Sendable {
    /// What an issuer's tokens may be used as; none follows from another.
    package enum Role: String, Sendable, Hashable, CaseIterable {
        /// The user on whose behalf something is asked: `subject_token`.
        case subject
        /// The agent that acts: `actor_token`.
        case actor
        /// The client that calls: a client assertion.
        case client
        /// A partner's authorization server: identity assertions, once each (RFC 7523 section 2.1).
        case partner
        /// What happened to its users' sessions: security event tokens.
        case events

        /// Whether its tokens say who the user is.
        package var namesUsers: Bool { self == .subject || self == .partner }
    }

    /// The claims in which this issuer writes what the standards leave open.
    package struct ClaimNames: Sendable, Equatable {
        /// The claim with the user's groups, an array of strings; nil when groups are not read.
        package var groups: String?
        /// In an agent's token, the claim that names the user it acts for; nil when it names none.
        package var user: String?

        /// Names of claims; those left out are not read.
        package init(groups: String? = nil, user: String? = nil) {
            self.groups = groups
            self.user = user
        }
    }

    /// The largest clock skew that may be configured, in seconds.
    package static let maximumClockSkew: Int64 = 60

    /// The operator's name for it.
    package let name: String
    /// The `iss` claim, byte for byte.
    package let issuer: String
    /// What its tokens may be used as.
    package let roles: Set<Role>
    /// The `aud` values that mean this appliance.
    package let audiences: Set<String>
    /// The algorithms its keys may have.
    package let algorithms: Set<JWSAlgorithm>
    /// Where its keys come from.
    package let keys: any KeySource
    /// Longest time since `iat`, in seconds, clock skew apart; nil when `exp` alone bounds a token's age.
    package let maximumAge: Int64?
    /// How far its clock and ours may differ, in seconds.
    package let clockSkew: Int64
    /// Put before `sub` wherever it stands in our own tokens; nil when nothing is.
    package let subjectPrefix: String?
    /// Where it writes groups and the like.
    package let claims: ClaimNames

    /// An issuer; refuses members that are empty, out of bounds or not visible ASCII, and keys it does not allow.
    package init(
        name: String, issuer: String, roles: Set<Role>, audiences: Set<String>, algorithms: Set<JWSAlgorithm>,
        keys: any KeySource, maximumAge: Int64? = nil, clockSkew: Int64 = 30, subjectPrefix: String? = nil,
        claims: ClaimNames = ClaimNames()
    ) throws(MintingError) {
        func require(_ condition: Bool, _ problem: String) throws(MintingError) {
            guard condition else { throw MintingError(.badIssuer, "issuer \(name): \(problem)") }
        }
        try require(VisibleASCII.isName(name, maximum: 64), "its name must be at most 64 visible ASCII characters")
        try require(VisibleASCII.isName(issuer, maximum: 512), "issuer must be at most 512 visible ASCII characters")
        try require(!roles.isEmpty, "roles is empty")
        try require(!audiences.isEmpty, "audiences is empty")
        try require(
            audiences.allSatisfy { VisibleASCII.isName($0, maximum: InboundAudience.maximumLength) },
            "audiences must be visible ASCII")
        try require(!algorithms.isEmpty, "algorithms is empty")
        try require(
            (keys as? JSONWebKeySet)?.keys.allSatisfy { algorithms.contains($0.algorithm) } ?? true,
            "a key is for an algorithm that is not allowed")
        try require(maximumAge ?? 1 > 0, "max_subject_age must be positive")
        try require((0...Self.maximumClockSkew).contains(clockSkew), "clock_skew must be 0 to 60 s")
        try require(
            subjectPrefix.map { VisibleASCII.isName($0, maximum: 64) } ?? true,
            "subject_prefix must be at most 64 visible ASCII characters")
        for claim in [claims.groups, claims.user] {
            try require(
                claim.map { VisibleASCII.isName($0, maximum: 128) } ?? true, "names of claims must be visible ASCII")
        }
        self.name = name
        self.issuer = issuer
        self.roles = roles
        self.audiences = audiences
        self.algorithms = algorithms
        self.keys = keys
        self.maximumAge = maximumAge
        self.clockSkew = clockSkew
        self.subjectPrefix = subjectPrefix
        self.claims = claims
    }

    /// A subject as it stands in our own tokens.
    package func mapped(subject: String) -> String { (subjectPrefix ?? "") + subject }
}
