internal import Synchronization

/// Examines a token from outside in: library, token, login, what it can do, every key (docs/hsm.md, "doctor").
///
/// It works in sessions of its own, beside a running core, and changes nothing on the token: what it tries are keys that
/// end with their session, and requests that leave everything as it is even where a token wrongly grants them. The PIN is
/// tried once; without one the examination ends before the login, and says what it has left out.
package struct TokenExamination: Sendable {
    /// A key that a manifest names.
    package struct ExpectedKey: Sendable {
        /// Serial number of the token that must hold it.
        package let serial: String
        /// Which key, and what its public key must be.
        package let reference: KeyReference
        /// What it is for, in the manifest's words.
        package let purpose: String
        /// Flags and probes as they were when it was made.
        package let evidence: [String: Bool]
        /// What else the manifest says of it; nil where there is none.
        package let entry: Entry?

        /// Whether the token has to hold it, and it has to work: so it is until its life has ended.
        package var mustWork: Bool { entry?.mustWork ?? true }

        /// A key that a manifest names.
        package init(
            serial: String, reference: KeyReference, purpose: String, evidence: [String: Bool], entry: Entry? = nil
        ) {
            self.serial = serial
            self.reference = reference
            self.purpose = purpose
            self.evidence = evidence
            self.entry = entry
        }
    }

    let modulePath: String
    let uri: TokenURI
    let expected: [ExpectedKey]?
    let triesKeys: Bool

    /// An examination of the token that the URI names.
    ///
    /// `expected` are the keys a manifest names, of all its tokens, nil without one; `triesKeys` lets it make keys that end
    /// with their session.
    package init(modulePath: String, token: TokenURI, expected: [ExpectedKey]?, triesKeys: Bool = true) {
        self.modulePath = modulePath
        uri = token
        self.expected = expected
        self.triesKeys = triesKeys
    }

    /// Runs it on a thread of its own; what it found so far is the answer when a call does not return in time.
    package func run(pin: PIN?, patience: Duration = .seconds(120)) async -> TokenReport {
        let notes = ExaminationNotes(TokenReport(modulePath: modulePath, uri: uri.description))
        let isDone = await withCheckedContinuation { (answer: CheckedContinuation<Bool, Never>) in
            let first = Mutex<CheckedContinuation<Bool, Never>?>(answer)
            let once = OnceAnswer(first: consume first)
            let timer = Task {
                try await Task.sleep(for: patience)
                once.give(false)
            }
            do throws(HSMError) {
                try DedicatedThread.start("hsm-doctor") {
                    TokenExaminer(examination: self, pin: pin, notes: notes).run()
                    timer.cancel()
                    once.give(true)
                }
            } catch {
                notes.add(.failure("module", error))
                timer.cancel()
                once.give(true)
            }
        }
        if !isDone { notes.hang(after: patience) }
        return notes.report
    }
}

/// A continuation that is resumed by whoever comes first.
private final class OnceAnswer: Sendable {
    private let first: Mutex<CheckedContinuation<Bool, Never>?>

    init(first: consuming Mutex<CheckedContinuation<Bool, Never>?>) { self.first = first }

    func give(_ answer: Bool) { first.withLock { $0.take() }?.resume(returning: answer) }
}
