/// The permission to mint once what one rule grants.
///
/// Only `PolicySet.grant` makes one, nothing copies one, and minting consumes it: a credential without a decision, or
/// two credentials for one decision, do not compile.
package struct Grant: ~Copyable, Sendable {
    /// The rule that grants everything asked.
    package let ruleID: String
    /// Name of the target.
    package let target: String
    /// The scopes granted: those asked for, or the rule's when none were; without repetition.
    package let scopes: [String]
    /// How long the credential may live, in seconds.
    package let lifetime: Rule.Lifetime
    /// The tool call, granted whole; nil when the request had no details.
    package let invocation: ToolInvocation?
    /// When this was decided: seconds since 1970-01-01T00:00:00Z.
    package let decidedAt: Int64

    init(rule: Rule, request: AccessRequest, now: Int64) {
        ruleID = rule.id
        target = request.target
        var seen: Set<String> = []
        scopes = (request.scopes ?? rule.scopes ?? []).filter { seen.insert($0).inserted }
        lifetime = rule.lifetime
        invocation = request.invocation
        decidedAt = now
    }
}
