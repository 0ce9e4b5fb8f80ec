/// One thing wrong with a ceremony's plan: which field, what, and what to do about it.
package struct PlanFault: Sendable, Equatable, CustomStringConvertible {
    /// As in `keys[2].alg`; empty when it is the plan as a whole.
    package let field: String
    /// In our own words; never a value that could be a secret.
    package let problem: String
    /// What to do about it.
    package let mend: String

    /// A fault of a field.
    package init(field: String, problem: String, mend: String) {
        self.field = field
        self.problem = problem
        self.mend = mend
    }

    /// The fault on one line.
    package var description: String { "\(field.isEmpty ? "" : field + ": ")\(problem). Mend: \(mend)" }
}

/// Everything that is wrong with a plan, so that it is mended in one go.
package struct PlanError: Error, Sendable, Equatable, CustomStringConvertible {
    /// At least one, in the order in which they were found.
    package let faults: [PlanFault]

    /// The faults of a plan.
    package init(faults: [PlanFault]) { self.faults = faults }

    /// One line a fault.
    package var description: String { faults.map(\.description).joined(separator: "\n") }
}
