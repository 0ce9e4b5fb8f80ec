/// What a rule or a denial says of the requests it is for; a member that is nil says nothing.
package struct Conditions: Sendable, Equatable {
    /// Users of one issuer; where both lists are given, both must match.
    package struct Users: Sendable, Equatable {
        /// Configured name of the issuer.
        package var issuer: String
        /// Exact subjects; nil for every subject.
        package var subjects: [String]?
        /// Groups of which the user has at least one; nil for every user.
        package var anyGroup: [String]?

        /// Users of an issuer.
        package init(issuer: String, subjects: [String]? = nil, anyGroup: [String]? = nil) {
            self.issuer = issuer
            self.subjects = subjects
            self.anyGroup = anyGroup
        }
    }

    /// Agents of one issuer.
    package struct Agents: Sendable, Equatable {
        /// Configured name of the issuer.
        package var issuer: String
        /// Exact subjects.
        package var subjects: [String]

        /// Agents of an issuer.
        package init(issuer: String, subjects: [String]) {
            self.issuer = issuer
            self.subjects = subjects
        }
    }

    /// Client ids.
    package var gateways: [String]?
    /// Who acts.
    package var agents: Agents?
    /// On whose behalf.
    package var users: Users?
    /// Whether there must be no user: a client that asks for itself (RFC 6749 section 4.4); excludes `users`.
    package var usersAbsent = false
    /// Name of the one target.
    package var target: String?
    /// Exact names of tools.
    package var tools: [String]?
    /// Exact names of actions.
    package var actions: [String]?
    /// Patterns for locations: `*` for characters of one path segment, `{identifier}` for the request's identifier.
    package var locations: [String]?
    /// Exact identifiers.
    package var identifiers: [String]?

    /// Conditions; what is left out says nothing.
    package init(
        gateways: [String]? = nil, agents: Agents? = nil, users: Users? = nil, usersAbsent: Bool = false,
        target: String? = nil, tools: [String]? = nil, actions: [String]? = nil, locations: [String]? = nil,
        identifiers: [String]? = nil
    ) {
        self.gateways = gateways
        self.agents = agents
        self.users = users
        self.usersAbsent = usersAbsent
        self.target = target
        self.tools = tools
        self.actions = actions
        self.locations = locations
        self.identifiers = identifiers
    }

    var isEmpty: Bool { self == Conditions() }
}
