package import StrictEncoding

/// Executes a ceremony one step at a time, with a durable line before and after each.
///
/// Every call reads the ceremony's files anew: it is the same whether one process makes all calls or each another.
package struct CeremonyRunner: Sendable {
    /// What a runner is given by its surroundings.
    package struct Surroundings: Sendable {
        package var clock: @Sendable () -> UnixTime
        /// SHA-256 of the executable, in hexadecimal: stands in the transcript.
        package var build: @Sendable () throws -> String
        /// Puts a line into the audit log; called once for each line, and again if the process died meanwhile.
        package var record: @Sendable (TranscriptLine) async throws -> Void
        /// Tests throw here, with any code but `stepFailed`: as if the process had died.
        package var pass: @Sendable (CeremonyPoint) throws(CustodyError) -> Void

        /// Surroundings of a runner.
        package init(
            clock: @escaping @Sendable () -> UnixTime, build: @escaping @Sendable () throws -> String,
            record: @escaping @Sendable (TranscriptLine) async throws -> Void = { _ in },
            pass: @escaping @Sendable (CeremonyPoint) throws(CustodyError) -> Void = { _ in }
        ) {
            self.clock = clock
            self.build = build
            self.record = record
            self.pass = pass
        }
    }

    package let ceremony: Ceremony
    package let steps: [CeremonyStep]
    let surroundings: Surroundings

    /// A runner of a ceremony's steps.
    package init(_ ceremony: Ceremony, steps: [CeremonyStep], surroundings: Surroundings) {
        self.ceremony = ceremony
        self.steps = steps
        self.surroundings = surroundings
    }

    /// Where the ceremony stands.
    package func progress(waiting: CeremonyWait? = nil) throws(CustodyError) -> CeremonyProgress {
        try checkNames()
        return try ceremony.progress(steps: steps, now: surroundings.clock(), waiting: waiting)
    }

    /// Begins the ceremony, takes its next step, mends the one that was interrupted, or ends it; one of these.
    ///
    /// A step that waits for people changes nothing. One that fails stays open: the next call reads back what there is.
    package func advance() async throws(CustodyError) -> CeremonyProgress {
        try checkNames()
        let lock = try CeremonyLock(ceremony.directory)
        defer { withExtendedLifetime(lock) {} }
        var log = try TranscriptLog(ceremony, surroundings)
        try await log.catchUp()
        var waiting: CeremonyWait?
        switch log.transcript.phase {
        case .unopened: try await open(&log)
        case .completed, .aborted: break
        case .aborting: waiting = try await finishAbort(&log)
        case .within(let name): waiting = try await mend(try step(name), &log)
        case .between: waiting = try await next(&log)
        }
        return try progress(waiting: waiting)
    }

    /// Tells of the end of a ceremony what the process that ended it died before telling: its last lines to the audit log,
    /// its head to those who sign it.
    ///
    /// Nothing is done for one that goes on.
    package func settle() async throws(CustodyError) {
        let transcript = try ceremony.directory.loadTranscript(plan: ceremony.plan)
        guard [.completed, .aborted].contains(transcript.phase) else { return }
        let lock = try CeremonyLock(ceremony.directory)
        defer { withExtendedLifetime(lock) {} }
        var log = try TranscriptLog(ceremony, surroundings)
        try await log.catchUp()
    }

    /// Takes back what can be taken back, writes why, and ends the ceremony.
    ///
    /// `teller` is who says that the person decided so; nil where the person has signed it.
    package func abort(
        reason: String, by person: String, asSaidBy teller: String? = nil
    ) async throws(CustodyError) -> CeremonyProgress {
        guard PlanReader.isLine(reason) else {
            throw CustodyError(.malformed, "the reason must be one line of at most 500 bytes")
        }
        try checkNames()
        let lock = try CeremonyLock(ceremony.directory)
        defer { withExtendedLifetime(lock) {} }
        var log = try TranscriptLog(ceremony, surroundings)
        try await log.catchUp()
        switch log.transcript.phase {
        case .completed, .aborted: throw CustodyError(.wrongState, "the ceremony has ended already")
        case .aborting: break
        case .unopened, .between, .within:
            var data: JSONObject = ["reason": .string(reason), "by": .string(person)]
            data["as_said_by"] = teller.map { .string($0) }
            try await log.write(.aborting, data: data)
        }
        return try progress(waiting: try await finishAbort(&log))
    }

    /// Writes down something that no plan foresees; `teller` is who says so, and that the person decided it.
    package func note(
        expected: String, happened: String, decided: String, by person: String, asSaidBy teller: String
    ) async throws(CustodyError) -> CeremonyProgress {
        for text in [expected, happened, decided, person] where !PlanReader.isLine(text) {
            throw CustodyError(.malformed, "each part of an exception must be one line of at most 500 bytes")
        }
        let lock = try CeremonyLock(ceremony.directory)
        defer { withExtendedLifetime(lock) {} }
        var log = try TranscriptLog(ceremony, surroundings)
        try await log.catchUp()
        guard ![.unopened, .completed, .aborted].contains(log.transcript.phase) else {
            throw CustodyError(.wrongState, "exceptions are noted while the ceremony runs")
        }
        try await log.write(
            .exception,
            data: [
                "expected": .string(expected), "happened": .string(happened), "decided": .string(decided),
                "by": .string(person), "as_said_by": .string(teller),
            ])
        return try progress()
    }

    /// A transcript tells steps apart by their names alone.
    private func checkNames() throws(CustodyError) {
        var names: Set<String> = []
        for step in steps where !names.insert(step.name).inserted {
            throw CustodyError(.unsupported, "two steps of this plan are called \(step.name): make another plan")
        }
    }

    private func step(_ name: String) throws(CustodyError) -> CeremonyStep {
        guard let step = steps.first(where: { $0.name == name }) else {
            throw CustodyError(
                .unsupported, "this build knows no step \(name) of such a ceremony: use the build that began it")
        }
        return step
    }

    private func open(_ log: inout TranscriptLog) async throws(CustodyError) {
        let approvers = try ceremony.checkApproved(now: surroundings.clock())
        let plan = ceremony.plan
        let build: String
        do {
            build = try surroundings.build()
        } catch {
            throw CustodyError(.systemRefused, "the program's own file cannot be read: \(error)")
        }
        try await log.write(
            .opened,
            data: [
                "format": "vault-transcript/1", "ceremony": .string(plan.kind.rawValue), "plan": .string(plan.hash),
                "words": .string(plan.words), "appliance": .string(plan.appliance),
                "administrator": .string(plan.administrator), "build": .string(build),
                "manifest": .integer(plan.manifest?.version ?? 0), "dials": ceremony.authority.dials.json,
                "rehearsal": ceremony.rehearsalHead.map { .string($0) } ?? "waived",
                "steps": .array(steps.map { .string($0.name) }),
            ])
        try await writeApprovals(approvers, &log)
    }

    /// One line for each approval; those that are there already, since somebody died here, stay.
    private func writeApprovals(_ people: [Manifest.Person], _ log: inout TranscriptLog) async throws(CustodyError) {
        let written = log.transcript.lines.filter { $0.event == .approved }.count
        for person in people.dropFirst(written) {
            let key = (try? SSHPublicKey(line: person.sshKey))?.fingerprint ?? ""
            try await log.write(.approved, data: ["by": .string(person.name), "key": .string(key)])
        }
    }

    private func next(_ log: inout TranscriptLog) async throws(CustodyError) -> CeremonyWait? {
        if !log.transcript.lines.contains(where: { $0.event == .begun }) {
            try await writeApprovals(try ceremony.approvals().map(\.person), &log)
        }
        let done = Set(log.transcript.done)
        guard let step = steps.first(where: { !done.contains($0.name) }) else {
            try await log.write(.completed)
            return nil
        }
        try checkTime(log)
        return try await take(step, &log)
    }

    /// What cannot be taken back any more is finished, however long it takes.
    private func checkTime(_ log: TranscriptLog) throws(CustodyError) {
        guard !log.transcript.goesForwardOnly(ceremony.plan.kind) else { return }
        try ceremony.checkTime(surroundings.clock())
    }

    private func take(_ step: CeremonyStep, _ log: inout TranscriptLog) async throws(CustodyError) -> CeremonyWait? {
        let readiness = try await attempt(step) { try await step.check() }
        if case .waiting(let wait) = readiness { return wait }
        try await log.write(.begun, step: step.name)
        try surroundings.pass(.begun(step.name))
        let evidence: JSONObject
        do throws(CustodyError) {
            try await attempt(step) { try await step.act() }
            try surroundings.pass(.acted(step.name))
            guard let found = try await attempt(step, { try await step.verify() }) else {
                throw failure(step, "it was done, but reading back does not show it")
            }
            evidence = found
        } catch {
            guard error.code == .stepFailed else { throw error }
            try await log.write(.failed, step: step.name, data: ["reason": .string(TranscriptLog.line(error.reason))])
            throw error
        }
        try await log.write(.done, step: step.name, data: evidence)
        try surroundings.pass(.done(step.name))
        return nil
    }

    /// Goes on after a step that somebody began: its effect is in place, or it is taken away and the step taken again.
    private func mend(_ step: CeremonyStep, _ log: inout TranscriptLog) async throws(CustodyError) -> CeremonyWait? {
        // Whoever waits for people within a step looks often, and says so once.
        if log.transcript.lines.last?.event != .resumed { try await log.write(.resumed, step: step.name) }
        // What it is taken back with also tells how far it came: without that nobody may write that it was undone.
        if step.mustBeUndone, case .waiting(let wait) = try await attempt(step, { try await step.check() }) {
            return wait
        }
        if let evidence = try await attempt(step, { try await step.verify() }) {
            try await log.write(.done, step: step.name, data: evidence)
            return nil
        }
        try checkTime(log)
        if let undo = step.undo {
            try await attempt(step) { try await undo() }
            try await log.write(.undone, step: step.name)
        }
        return try await take(step, &log)
    }

    /// Returns what it waits for where something can be taken back with people's help alone.
    private func finishAbort(_ log: inout TranscriptLog) async throws(CustodyError) -> CeremonyWait? {
        var kept: [String] = []
        let done = Set(log.transcript.done)
        for name in log.transcript.touched {
            let step = try step(name)
            if step.isFinal {
                guard try await isInPlace(step, done, &log) else {
                    if let part = step.leavesInPart { kept.append("\(name): \(part)") }
                    continue
                }
                kept.append("\(name): \(step.leaves ?? step.title)")
                let missing = steps.map(\.name).filter { !log.transcript.done.contains($0) }
                if !missing.isEmpty { kept.append("not done: \(missing.joined(separator: ", "))") }
                break
            }
            if step.mustBeUndone, let undo = step.undo {
                let readiness = try await attempt(step) { try await step.check() }
                if case .waiting(let wait) = readiness { return wait }
                try await attempt(step) { try await undo() }
                try await log.write(.undone, step: name)
                continue
            }
            if let undo = step.undo {
                do throws(CustodyError) {
                    try await attempt(step) { try await undo() }
                    try await log.write(.undone, step: name)
                    continue
                } catch {
                    let reason = TranscriptLog.line(error.reason)
                    try await log.write(.failed, step: name, data: ["reason": .string(reason)])
                    kept.append("\(name): \(step.leaves ?? reason)")
                }
            } else if let part = step.leavesInPart, try await !isInPlace(step, done, &log) {
                kept.append("\(name): \(part)")
            } else if let leaves = step.leaves {
                kept.append("\(name): \(leaves)")
            }
        }
        let start = log.transcript.lines.last { $0.event == .aborting }?.data ?? JSONObject()
        var data = JSONObject()
        data["reason"] = start["reason"] ?? ""
        data["by"] = start["by"] ?? ""
        data["as_said_by"] = start["as_said_by"]
        data["kept"] = .array(kept.map { .string($0) })
        try await log.write(.aborted, data: data)
        return nil
    }

    /// Whether the effect of a step is there that nothing takes back: what came before it belongs to it, and stays too.
    private func isInPlace(
        _ step: CeremonyStep, _ done: Set<String>, _ log: inout TranscriptLog
    ) async throws(CustodyError) -> Bool {
        if done.contains(step.name) { return true }
        guard let found = try? await step.verify() else { return false }
        // The process died before it could say so.
        try await log.write(.done, step: step.name, data: found)
        return true
    }

    private func failure(_ step: CeremonyStep, _ reason: String) -> CustodyError {
        let number = (steps.firstIndex { $0.name == step.name } ?? 0) + 1
        return CustodyError(.stepFailed, "step \(number) (\(step.title)): \(reason)")
    }

    private func attempt<Answer: Sendable>(
        _ step: CeremonyStep, _ body: () async throws -> Answer
    ) async throws(CustodyError) -> Answer {
        do {
            return try await body()
        } catch {
            throw failure(step, "\(error)")
        }
    }
}
