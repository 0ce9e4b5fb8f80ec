/// A request whose every value has been found comparable, with what several rules need of it computed once.
struct PreparedRequest: Sendable {
    let request: AccessRequest
    let locations: [[UInt8]]
    let identifier: LocationIdentifier

    /// Refuses a request with a value that is not in its one form; so does an empty list of scopes, which is no way to
    /// ask for the rule's.
    init(_ request: AccessRequest) throws(Denial) {
        try PreparedRequest.require(NameForm.isName(request.gateway), .gateways)
        try PreparedRequest.require(NameForm.isName(request.target), .target)
        if let user = request.user {
            try PreparedRequest.require(NameForm.isName(user.issuer), .usersIssuer)
            try PreparedRequest.require(NameForm.isName(user.subject), .usersSubjects)
            for group in user.groups ?? [] { try PreparedRequest.require(NameForm.isGroup(group), .usersAnyGroup) }
        }
        if let agent = request.agent {
            try PreparedRequest.require(NameForm.isName(agent.issuer), .agentsIssuer)
            try PreparedRequest.require(NameForm.isName(agent.subject), .agentsSubjects)
        }
        if let scopes = request.scopes {
            try PreparedRequest.require(!scopes.isEmpty && scopes.allSatisfy(NameForm.isScope), .scopes)
        }
        self.request = request
        locations = request.invocation?.locations.map { Array($0.utf8) } ?? []
        identifier = LocationIdentifier(request.invocation?.identifier)
        if let invocation = request.invocation { try check(invocation) }
    }

    private func check(_ invocation: ToolInvocation) throws(Denial) {
        try PreparedRequest.require(NameForm.isName(invocation.tool), .tools)
        try PreparedRequest.require(invocation.actions.allSatisfy(NameForm.isName), .actions)
        try PreparedRequest.require(locations.allSatisfy(LocationText.isAcceptable), .locations)
        if let identifier = invocation.identifier {
            try PreparedRequest.require(NameForm.isName(identifier), .identifiers)
        }
    }

    private static func require(_ condition: Bool, _ member: RuleMember) throws(Denial) {
        guard condition else { throw Denial(.malformedRequest, member: member) }
    }
}
