/// What a rule may demand of a request beyond its names.
package enum Requirement: String, Sendable, CaseIterable {
    /// The subject's `may_act` names the actor, or the actor token's configured user claim equals the subject.
    case actorBound = "actor_bound"
    /// The request carried a valid DPoP proof (RFC 9449).
    case dpop
    /// The tool invocation names the SHA-256 of its arguments.
    case argumentsSHA256 = "arguments_sha256"
}
