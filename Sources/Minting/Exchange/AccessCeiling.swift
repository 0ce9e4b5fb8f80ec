/// The most that may be granted on the strength of one token, because that token says no more.
///
/// An exchange only ever narrows: what a token of ours, or a partner's assertion, was issued for bounds what is made of
/// it, whatever policy would grant beside. Source: RFC 8693 section 1.1, RFC 9396 section 6.1.
package struct AccessCeiling: Sendable {
    /// The scopes that may be granted; nil for no bound but policy.
    private let scope: Set<String>?
    /// The call that may be granted.
    private let details: ToolInvocation?
    /// Whether `details`, nil among it, is a bound.
    private let boundsDetails: Bool

    /// No bound but policy.
    package static let none = AccessCeiling(scope: nil, details: nil, boundsDetails: false)

    /// What one of our own tokens allows: exactly what it says, so that saying nothing allows nothing.
    package init(_ token: OwnToken) {
        self.init(scope: Set(token.scope), details: token.authorizationDetails, boundsDetails: true)
    }

    /// What an assertion of a partner allows: a claim that it lacks is no bound.
    package init(scope: [String]?, details: ToolInvocation?) {
        self.init(scope: scope.map { Set($0) }, details: details, boundsDetails: details != nil)
    }

    /// The scope tokens of a claim; nil when it is no list of them.
    package static func scopeTokens(_ claim: String) -> [String]? { try? Scope.tokens(Array(claim.utf8)) }

    private init(scope: Set<String>?, details: ToolInvocation?, boundsDetails: Bool) {
        self.scope = scope
        self.details = details
        self.boundsDetails = boundsDetails
    }

    /// The call to decide on: the one asked for if it lies within, the bound itself when none is asked for.
    package func details(asked: ToolInvocation?) throws(OAuthError) -> ToolInvocation? {
        guard boundsDetails else { return asked }
        guard let asked else { return details }
        guard let details, asked.isWithin(details) else {
            throw OAuthError(
                .invalidAuthorizationDetails, "authorization_details: exceed those of the token it is asked by")
        }
        return asked
    }

    /// The scopes to decide on: those asked for if they lie within, the bound itself when none are asked for.
    package func scope(asked: [String]?) throws(OAuthError) -> [String]? {
        guard let scope else { return asked }
        guard let asked else { return scope.isEmpty ? nil : scope.sorted() }
        try check(granted: asked)
        return asked
    }

    /// Refuses granted scopes that lie outside.
    package func check(granted: [String]) throws(OAuthError) {
        guard let scope, !granted.allSatisfy(scope.contains) else { return }
        throw OAuthError(.invalidScope, "the scope exceeds that of the token it is asked by")
    }
}

extension ToolInvocation {
    /// Whether this call is the other one or a part of it.
    ///
    /// What the other one leaves open may be settled where it names one thing (identifier, arguments); a list that is
    /// left open stays so, for nobody has said which of its values were meant.
    package func isWithin(_ other: ToolInvocation) -> Bool {
        tool == other.tool && Self.isPart(actions, of: other.actions) && Self.isPart(locations, of: other.locations)
            && (other.identifier == nil || identifier == other.identifier)
            && (other.argumentsSHA256 == nil || argumentsSHA256 == other.argumentsSHA256)
    }

    private static func isPart(_ names: [String], of others: [String]) -> Bool {
        names.isEmpty == others.isEmpty && names.allSatisfy(others.contains)
    }
}
