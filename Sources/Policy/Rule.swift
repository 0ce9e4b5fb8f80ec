/// What may be granted, as an operator wrote it; `PolicySet` checks and compiles it.
package struct Rule: Sendable, Equatable {
    /// How long what is granted may live, in seconds.
    package struct Lifetime: Sendable, Equatable {
        /// When the request does not say.
        package var `default`: Int64
        /// At most, whatever the request asks for.
        package var max: Int64

        /// A lifetime in seconds.
        package init(default: Int64, max: Int64) {
            self.default = `default`
            self.max = max
        }

        /// How long something may live for which so much is asked; nil when the request leaves it open.
        ///
        /// More than the rule allows is cut down to that, and not refused: the answer says how long it is.
        package func granted(asked: Int64?) -> Int64 { min(asked ?? self.default, max) }

        /// The lifetime of a rule that names none: 60 s.
        package static let standard = Lifetime(default: 60, max: 60)
    }

    /// Unique among rules and denials; stands in every audit entry that the rule decides.
    package var id: String
    /// Every member named here must be present in a request and match; `gateways`, `users` (or that there are none) and `target` are mandatory.
    package var conditions: Conditions
    /// What may be asked for, and what a request without `scope` gets; nil for none.
    package var scopes: [String]?
    /// How long.
    package var lifetime: Lifetime
    /// What must have been proven.
    package var requirements: [Requirement]

    /// A rule.
    package init(
        id: String, conditions: Conditions, scopes: [String]? = nil, lifetime: Lifetime = .standard,
        requirements: [Requirement] = []
    ) {
        self.id = id
        self.conditions = conditions
        self.scopes = scopes
        self.lifetime = lifetime
        self.requirements = requirements
    }
}
