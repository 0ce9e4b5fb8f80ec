/// A member of a rule, in the order in which members are compared with a request.
///
/// The order also ranks near misses: of two rules that do not match, the one that failed at the later member is nearer.
package enum RuleMember: String, Sendable, CaseIterable, Comparable {
    /// The target.
    case target
    /// The client.
    case gateways
    /// Whether there is a user at all.
    case users
    /// The user's issuer.
    case usersIssuer = "users.issuer"
    /// The user's subject.
    case usersSubjects = "users.subjects"
    /// The user's groups.
    case usersAnyGroup = "users.any_group"
    /// The agent's issuer.
    case agentsIssuer = "agents.issuer"
    /// The agent's subject.
    case agentsSubjects = "agents.subjects"
    /// The tool, and whether there are details at all.
    case tools
    /// The actions.
    case actions
    /// The locations.
    case locations
    /// The identifier.
    case identifiers
    /// What must have been proven.
    case require
    /// The scopes.
    case scopes

    private var rank: Int {
        switch self {
        case .target: 0
        case .gateways: 1
        case .users: 2
        case .usersIssuer: 3
        case .usersSubjects: 4
        case .usersAnyGroup: 5
        case .agentsIssuer: 6
        case .agentsSubjects: 7
        case .tools: 8
        case .actions: 9
        case .locations: 10
        case .identifiers: 11
        case .require: 12
        case .scopes: 13
        }
    }

    /// Whether the left member is compared earlier.
    package static func < (left: RuleMember, right: RuleMember) -> Bool { left.rank < right.rank }

    /// Why nothing was granted when this is the member at which the nearest rule failed; holds no value of a request.
    var reason: String {
        switch self {
        case .target: "no rule for this target"
        case .gateways: "no rule lets this gateway use this target"
        case .users: "no rule for a request without a user, or none for one with a user"
        case .usersIssuer: "no rule for users of this issuer"
        case .usersSubjects: "no rule for this user"
        case .usersAnyGroup: "no rule for this user's groups"
        case .agentsIssuer: "no rule for an agent of this issuer, or for none"
        case .agentsSubjects: "no rule for this agent"
        case .tools: "no rule for this tool, or for a request with or without details"
        case .actions: "no rule allows all these actions"
        case .locations: "no rule allows all these locations"
        case .identifiers: "no rule allows this identifier"
        case .require: "something a rule requires was not proven"
        case .scopes: "more scope than a rule allows"
        }
    }
}
