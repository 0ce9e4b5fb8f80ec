/// Everything a decision depends on but the policy and the time.
///
/// Every value is the result of a verification: the client of the connection, the claims of verified tokens, the
/// decoded parameters. Policy reads nothing else.
package struct AccessRequest: Sendable, Equatable {
    /// The user on whose behalf something is asked.
    package struct User: Sendable, Equatable {
        /// Configured name of the issuer, as in `corp`.
        package var issuer: String
        /// The `sub` claim as the issuer wrote it, without our subject prefix.
        package var subject: String
        /// The user's groups; nil when the token has no such claim, which is not the same as no groups.
        package var groups: [String]?

        /// A user of an issuer.
        package init(issuer: String, subject: String, groups: [String]? = nil) {
            self.issuer = issuer
            self.subject = subject
            self.groups = groups
        }
    }

    /// The agent that acts for the user.
    package struct Agent: Sendable, Equatable {
        /// Configured name of the issuer.
        package var issuer: String
        /// The `sub` claim.
        package var subject: String

        /// An agent of an issuer.
        package init(issuer: String, subject: String) {
            self.issuer = issuer
            self.subject = subject
        }
    }

    /// Id of the authenticated client.
    package var gateway: String
    /// Whose token the subject token is; nil when a client asks for itself (RFC 6749 section 4.4), so that there is none.
    package var user: User?
    /// Who acts; nil when no agent was proven.
    package var agent: Agent?
    /// Configured name of the target.
    package var target: String
    /// The tool call; nil when the request has no details.
    package var invocation: ToolInvocation?
    /// The scopes asked for; nil when the parameter is missing.
    package var scopes: [String]?
    /// What was proven beside the names; `argumentsSHA256` is read from `invocation` and need not stand here.
    package var facts: Set<Requirement>

    /// A request; what is left out is absent.
    package init(
        gateway: String, user: User?, agent: Agent? = nil, target: String, invocation: ToolInvocation? = nil,
        scopes: [String]? = nil, facts: Set<Requirement> = []
    ) {
        self.gateway = gateway
        self.user = user
        self.agent = agent
        self.target = target
        self.invocation = invocation
        self.scopes = scopes
        self.facts = facts
    }

    func satisfies(_ requirement: Requirement) -> Bool {
        requirement == .argumentsSHA256 ? invocation?.argumentsSHA256 != nil : facts.contains(requirement)
    }
}
