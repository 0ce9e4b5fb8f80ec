/// A ceremony's transcript, every line of which follows from the one before.
package struct Transcript: Sendable, Equatable {
    /// The longest transcript that is read, in bytes.
    package static let maximumBytes = 1 << 24

    package private(set) var lines: [TranscriptLine] = []
    /// Bytes after the last whole line: the process died while it wrote them.
    package let tornBytes: Int
    private let plan: String

    /// The start of the transcript of the plan with this hash.
    package init(plan: String) {
        self.plan = plan
        tornBytes = 0
    }

    /// Reads and verifies a transcript; a fault names the line.
    package init(plan: String, file: [UInt8]) throws(CustodyError) {
        self.plan = plan
        let pieces = file.split(separator: 0x0A, omittingEmptySubsequences: false)
        tornBytes = pieces.last?.count ?? 0
        for piece in pieces.dropLast() { lines.append(try next(Array(piece))) }
    }

    /// What the next line has to name as the one before it.
    package var head: String { lines.last?.hash ?? plan }

    /// Appends a line that follows.
    package mutating func append(_ line: TranscriptLine) { lines.append(line) }

    private func next(_ bytes: [UInt8]) throws(CustodyError) -> TranscriptLine {
        let number = lines.count + 1
        let line: TranscriptLine
        do {
            line = try TranscriptLine(parsing: bytes)
        } catch {
            throw CustodyError(.malformed, "transcript line \(number) was edited: \(error)")
        }
        guard line.sequence == Int64(number) else {
            let problem =
                line.sequence > Int64(number)
                ? "line \(number) is missing: line \(line.sequence) stands in its place"
                : "line \(line.sequence) stands again, or was moved, where line \(number) belongs"
            throw CustodyError(.notChained, "transcript: \(problem)")
        }
        guard line.previous == head else {
            let problem =
                number == 1
                ? "line 1 belongs to another plan"
                : "line \(number - 1) was edited after line \(number) was written, or line \(number) is another's"
            throw CustodyError(.notChained, "transcript: \(problem)")
        }
        if let before = lines.last?.event, before == .completed || before == .aborted {
            throw CustodyError(.notChained, "transcript: line \(number) stands after the end")
        }
        return line
    }
}

extension Transcript {
    /// Where a ceremony stands, by what was written last.
    package enum Phase: Sendable, Equatable {
        /// Nothing has been written.
        case unopened
        /// No step is open.
        case between
        /// A step was begun, and nothing says how it ended.
        case within(step: String)
        /// It is being taken back.
        case aborting
        case completed
        case aborted
    }

    /// Where the ceremony stands.
    package var phase: Phase {
        var phase = Phase.unopened
        for line in lines {
            switch (line.event, line.step) {
            case (.completed, _): phase = .completed
            case (.aborted, _): phase = .aborted
            case (.aborting, _): phase = .aborting
            case (.begun, let step?) where phase != .aborting: phase = .within(step: step)
            case (.done, _) where phase != .aborting, (.undone, _) where phase != .aborting: phase = .between
            case (.opened, _): phase = .between
            default: break
            }
        }
        return phase
    }

    /// The names of steps whose effect is in place, in the order in which they were done.
    package var done: [String] {
        var done: [String] = []
        for line in lines {
            guard let step = line.step else { continue }
            if line.event == .done { done.append(step) }
            if line.event == .undone { done.removeAll { $0 == step } }
        }
        return done
    }

    /// The names of steps that may have had an effect that was not taken back, latest first.
    package var touched: [String] {
        var touched: [String] = []
        for line in lines {
            guard let step = line.step else { continue }
            if line.event == .begun, !touched.contains(step) { touched.append(step) }
            if line.event == .undone { touched.removeAll { $0 == step } }
        }
        return touched.reversed()
    }

    /// Whether what a ceremony has done cannot be taken back, so that it is finished also after its time: a manifest is in
    /// force, or tokens may have the PINs of another epoch.
    package func goesForwardOnly(_ kind: CeremonyKind) -> Bool {
        switch kind {
        // Before that nothing is in force; after it custodians can activate what was made.
        case .genesis: done.contains(ManifestSteps.handOver)
        case .rotateEpoch:
            done.contains(ManifestSteps.install) || touched.contains { $0.hasPrefix(ManifestSteps.settingPIN) }
        default: done.contains(ManifestSteps.install)
        }
    }

    /// What was read back when the step was done; nil when it is not.
    package func evidence(of step: String) -> TranscriptLine? {
        done.contains(step) ? lines.last { $0.event == .done && $0.step == step } : nil
    }
}
