/// A moment of a ceremony at which the process may die: tests let it.
package enum CeremonyPoint: Sendable, Hashable {
    /// The line that a step begins is durable.
    case begun(String)
    /// The step has acted, and nothing says so yet.
    case acted(String)
    /// The line that the step is done is durable.
    case done(String)
}
