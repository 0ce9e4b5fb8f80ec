/// One thing that an examination of a token found, and what to do about it.
package struct Finding: Sendable, Equatable {
    /// How much it matters.
    package enum Severity: String, Sendable, CaseIterable {
        /// As it must be.
        case good
        /// Worth knowing; nothing is wrong.
        case note
        /// Wrong: the appliance does not work, or not safely.
        case fault
    }

    /// How much it matters.
    package let severity: Severity
    /// What it is about: `module`, `token`, `login`, `profile`, or `key LABEL`.
    package let subject: String
    /// A stable name for machines and for docs/hsm.md, as in `pin-final-try`.
    package let code: String
    /// What was found.
    package let text: String
    /// What to do about it; nil where nothing is to be done.
    package let mend: String?

    /// A finding that calls for nothing.
    package static func good(_ subject: String, _ code: String, _ text: String) -> Finding {
        Finding(severity: .good, subject: subject, code: code, text: text, mend: nil)
    }

    /// Something worth knowing.
    package static func note(_ subject: String, _ code: String, _ text: String, mend: String? = nil) -> Finding {
        Finding(severity: .note, subject: subject, code: code, text: text, mend: mend)
    }

    /// Something wrong, and its mend.
    package static func fault(_ subject: String, _ code: String, _ text: String, mend: String) -> Finding {
        Finding(severity: .fault, subject: subject, code: code, text: text, mend: mend)
    }

    /// Whether something is refused could not be seen.
    static func probeNotDone(_ subject: String, _ probe: String, _ problem: String) -> Finding {
        .note(
            subject, "probe-not-done", "whether it refuses \(probe) was not seen: \(problem)",
            mend: "look at the HSM and its library's log, and run `doctor` again")
    }

    /// A failure of the bridge or of the device.
    package static func failure(_ subject: String, _ error: HSMError) -> Finding {
        .fault(subject, error.findingCode, "\(error)", mend: error.mend)
    }
}

extension HSMError {
    /// The error's code as findings write theirs: `pinFinalTry` is `pin-final-try`.
    var findingCode: String {
        var text = ""
        var isAfterCapital = true
        for character in code.rawValue {
            if character.isUppercase, !isAfterCapital { text.append("-") }
            isAfterCapital = character.isUppercase
            text.append(contentsOf: character.lowercased())
        }
        return text
    }
}
