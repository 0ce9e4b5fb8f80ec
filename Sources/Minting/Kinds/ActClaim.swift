package import StrictEncoding

/// The `act` claim: a chain of actors as nested objects.
///
/// Source: RFC 8693 section 4.1.
package enum ActClaim {
    /// The claim, the first actor outermost; nil when there is none.
    package static func json(_ actors: ArraySlice<VerifiedToken.Party>) -> JSONValue? {
        guard let actor = actors.first else { return nil }
        var members: [JSONObject.Member] = []
        if let issuer = actor.issuer { members.append(.init(name: "iss", value: .string(issuer))) }
        members.append(.init(name: "sub", value: .string(actor.subject)))
        if let inner = json(actors.dropFirst()) { members.append(.init(name: "act", value: inner)) }
        return .object(JSONObject(members))
    }
}
