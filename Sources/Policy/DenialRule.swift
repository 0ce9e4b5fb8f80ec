/// What is never granted, whatever the rules say; a member that is absent from a request matches.
package struct DenialRule: Sendable, Equatable {
    /// Unique among rules and denials.
    package var id: String
    /// All members named here must match; at least one is named here or in `scopes`.
    package var conditions: Conditions
    /// Scopes of which a request must not ask for any; a request without `scope` matches.
    package var scopes: [String]?

    /// A denial.
    package init(id: String, conditions: Conditions, scopes: [String]? = nil) {
        self.id = id
        self.conditions = conditions
        self.scopes = scopes
    }
}
