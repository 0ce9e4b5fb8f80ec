/// One thing that the conformance suite asked of a token, and the answer.
package struct ConformanceCheck: Sendable {
    /// How it went.
    package enum Outcome: Sendable, Equatable {
        /// As it must be; with a figure or a fact where there is one.
        case passed(String?)
        /// Not as it must be, and why.
        case failed(String)
        /// Not asked, and why.
        case skipped(String)
    }

    /// What was asked, as a sentence.
    package let name: String
    /// How it went.
    package let outcome: Outcome

    /// The check as a line for people.
    package var line: String {
        switch outcome {
        case .passed(let fact): "pass  \(name)\(fact.map { ": \($0)" } ?? "")"
        case .failed(let reason): "FAIL  \(name): \(reason)"
        case .skipped(let reason): "skip  \(name): \(reason)"
        }
    }

    /// Whether the token did not do what it must.
    package var isFailure: Bool { if case .failed = outcome { true } else { false } }
}
