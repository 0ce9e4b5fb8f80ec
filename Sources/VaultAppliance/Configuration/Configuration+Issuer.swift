extension Configuration {
    /// Somebody whose tokens are believed, and for what.
    package struct Issuer: Sendable, Equatable {
        /// What the tokens of an issuer may be used for; an issuer is trusted only in its declared roles.
        package enum Role: String, Sendable, CaseIterable {
            /// To say who the user is.
            case subject
            /// To say who acts.
            case actor
            /// To say who the client is.
            case client
            /// To say who the user is, once, by an identity assertion of a partner (RFC 7523 section 2.1).
            case partner
            /// To say that sessions of users have ended.
            case events

            /// Whether tokens of this role say who the user is.
            var namesUsers: Bool { self == .subject || self == .partner }
        }

        /// How the agent is proven for this issuer's users.
        package enum AgentProof: String, Sendable, CaseIterable {
            /// An actor token (RFC 8693 section 2.1).
            case actorToken = "actor_token"
            /// The outermost `act` of the subject token (RFC 8693 section 4.1).
            case subjectAct = "subject_act"
            /// The `azp` of the subject token: the client it was issued to (OpenID Connect Core 1.0 section 2).
            case subjectAuthorizedParty = "subject_azp"
            /// The SPIFFE id in the caller's certificate: the caller is the agent itself (SPIFFE X.509-SVID section 2).
            case callerSPIFFE = "caller_spiffe"

            /// Whether the subject token itself says who the agent is.
            var isInSubjectToken: Bool { self == .subjectAct || self == .subjectAuthorizedParty }
        }

        /// Names of claims that are not standardised.
        package struct Claims: Sendable, Equatable {
            /// The claim that holds the user's groups; nil when groups are not read.
            package let groups: String?
            /// The claim of an actor token that names the user; nil when there is none.
            package let user: String?
        }

        /// Unique; what rules say.
        package let name: String
        /// The `iss` claim; unique.
        package let issuer: String
        /// What its tokens may be used for.
        package let roles: [Role]
        /// Values of which `aud` must hold one.
        package let audiences: [String]
        /// Algorithms its keys may have.
        package let algorithms: [Algorithm]
        /// Where its keys are.
        package let keySet: KeySetLocation
        /// Longest `now - iat` of a subject token in seconds; nil for no bound but `exp`.
        package let maximumSubjectAge: Int64?
        /// Tolerance for its clock in seconds.
        package let clockSkew: Int64
        /// What is put before its subjects in our tokens; nil for nothing.
        package let subjectPrefix: String?
        /// Names of claims.
        package let claims: Claims
        /// How the agent is proven.
        package let agent: AgentProof
        /// Names of the issuers whose users its security events may be about; empty but for the role events.
        package let eventsFor: [String]
    }
}

extension Configuration.Issuer {
    init(_ section: YAMLSection, _ paths: PathFormat) {
        name = section.required("name", .label)
        issuer = section.required("issuer", .name)
        roles = section.list("roles", .choice(.subject))
        audiences = section.list("audiences", .name)
        algorithms = section.list("algorithms", .choice(.es256))
        keySet = KeySetLocation(section, paths, isRequired: true) ?? .file("")
        maximumSubjectAge = section.optional("max_subject_age", .duration(1...86_400))
        clockSkew = section.optional("clock_skew", default: 30, .duration(0...60))
        subjectPrefix = section.optional("subject_prefix", .name(64))
        claims =
            section.optionalSection("claims") { claims in
                let names = Claims(
                    groups: claims.optional("groups", .name(128)), user: claims.optional("user", .name(128)))
                claims.finish()
                return names
            } ?? Claims(groups: nil, user: nil)
        agent = section.optional("agent", default: .actorToken, .choice(.actorToken))
        eventsFor = section.optionalList("events_for", .label) ?? []
        check(section)
        section.finish()
    }

    private func check(_ section: YAMLSection) {
        guard !section.source.isFaulty(section.field("roles")) else { return }
        if roles.contains(.events) != section.has("events_for") {
            let isMissing = !section.has("events_for")
            section.fault(
                "events_for", isMissing ? "is missing" : "belongs to issuers with the role events",
                mend: isMissing ? "name the issuers whose users its events may be about" : "remove it, or add the role")
        }
        let namesUsers = roles.contains(where: \.namesUsers)
        for name in ["max_subject_age", "subject_prefix", "agent"] where section.has(name) && !namesUsers {
            section.fault(
                name, "belongs to issuers with the role subject or partner", mend: "remove it, or add the role")
        }
        if claims.groups != nil, !namesUsers {
            section.fault(
                "claims.groups", "belongs to issuers with the role subject or partner",
                mend: "remove it, or add the role")
        }
        if agent == .actorToken, section.has("agent"), !roles.contains(.subject) {
            section.fault(
                "agent", "cannot be actor_token: an assertion comes without one",
                mend: "use subject_act, subject_azp or caller_spiffe")
        }
        if claims.user != nil, !roles.contains(.actor) {
            section.fault("claims.user", "belongs to issuers with the role actor", mend: "remove it, or add the role")
        }
    }
}
