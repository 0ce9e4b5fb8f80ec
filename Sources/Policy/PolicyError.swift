/// One thing wrong with a rule or a denial.
package struct PolicyFault: Sendable, Equatable {
    /// Where, as in `rules[2].lifetime.max`.
    package let path: String
    /// What is wrong.
    package let message: String
    /// What to do about it.
    package let mend: String

    init(path: String, message: String, mend: String) {
        self.path = path
        self.message = message
        self.mend = mend
    }
}

/// Everything that is wrong with a policy, so that it is mended in one go.
package struct PolicyError: Error, Sendable, Equatable, CustomStringConvertible {
    /// At least one, in the order of the rules.
    package let faults: [PolicyFault]

    /// One line a fault.
    package var description: String {
        faults.map { "\($0.path): \($0.message). Mend: \($0.mend)." }.joined(separator: "\n")
    }
}
