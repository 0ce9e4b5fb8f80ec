internal import Synchronization

/// What an examination has found so far, readable while it is stuck in the library.
final class ExaminationNotes: Sendable {
    private let current: Mutex<(report: TokenReport, step: String)>

    init(_ report: TokenReport) { current = Mutex((report, "loading the library")) }

    var report: TokenReport { current.withLock { $0.report } }

    func add(_ finding: Finding) { change { $0.findings.append(finding) } }

    func change(_ body: (inout TokenReport) -> Void) { current.withLock { body(&$0.report) } }

    /// What is being done now: named when it does not return.
    func begin(_ step: String) { current.withLock { $0.step = step } }

    /// Does a step and notes how long it took.
    func timed<Answer: ~Copyable>(
        _ name: String, _ body: () throws(HSMError) -> Answer
    ) throws(HSMError) -> Answer {
        begin(name)
        let start = ContinuousClock.now
        let answer = try body()
        let duration = ContinuousClock.now - start
        change { $0.timings.append((name, duration)) }
        return answer
    }

    func hang(after patience: Duration) {
        current.withLock { current in
            current.report.isHung = true
            current.report.findings.append(
                .fault(
                    "module", "call-hangs",
                    "\(current.step): the library did not return within \(patience.components.seconds) s",
                    mend: "look at the HSM and its network, and at the library's own timeouts"))
        }
    }
}
