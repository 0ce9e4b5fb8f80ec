package import StrictEncoding

/// Where a ceremony stands, for people and for machines: who has done what, who is missing, what comes next.
package struct CeremonyProgress: Sendable {
    /// How far a step is.
    package enum Standing: String, Sendable {
        case pending, begun, done, undone
    }

    /// One step and how far it is.
    package struct Step: Sendable {
        package let name: String
        package let title: String
        package let role: CeremonyStep.Role
        package let standing: Standing
    }

    package let id: String
    package let kind: CeremonyKind
    package let directory: String
    package let purpose: String
    package let administrator: String
    package let state: CeremonyState
    package let words: String
    package let planHash: String
    package let expires: UnixTime
    package let threshold: Int
    /// Whether it must run on a throw-away token before.
    package let rehearsal: CeremonyPlan.Rehearsal
    /// Who has approved the plan.
    package let approvals: [String]
    /// Custodians who have not; nobody is missing once enough have.
    package let missingApprovals: [String]
    package let steps: [Step]
    /// Whether a call of `advance` would do something.
    package var canAdvance: Bool
    /// What the ceremony waits for, where a step said so.
    package var waiting: CeremonyWait?
    /// Who has signed the transcript's head, and who must still.
    package let headSigners: [String]
    package let missingHeadSigners: [String]
    /// Hash of the transcript's last line; nil before there is one.
    package let head: String?
    /// Words of the head's file, which those who sign it compare; nil before the ceremony has ended.
    package let headWords: String?

    /// The step that is next or open; nil when there is none.
    package var current: Step? {
        guard !state.isOver else { return nil }
        return steps.first { $0.standing == .begun } ?? steps.first { $0.standing != .done }
    }

    /// For the admin socket and `--json`.
    package var json: JSONValue {
        [
            "id": .string(id), "ceremony": .string(kind.rawValue), "directory": .string(directory),
            "purpose": .string(purpose), "administrator": .string(administrator), "state": .string(state.rawValue),
            "words": .string(words), "plan": .string(planHash), "expires": .string(expires.rfc3339),
            "threshold": .integer(Int64(threshold)), "rehearsal": .string(rehearsal.rawValue),
            "approved": CeremonyProgress.list(approvals),
            "missing_approvals": CeremonyProgress.list(missingApprovals),
            "steps": .array(
                steps.map { step in
                    [
                        "name": .string(step.name), "title": .string(step.title), "role": .string(step.role.rawValue),
                        "standing": .string(step.standing.rawValue),
                    ]
                }),
            "can_advance": .bool(canAdvance), "waiting": waiting.map(\.json) ?? .null,
            "head": head.map { .string($0) } ?? .null,
            "head_words": headWords.map { .string($0) } ?? .null, "head_signed": CeremonyProgress.list(headSigners),
            "missing_head_signatures": CeremonyProgress.list(missingHeadSigners),
        ]
    }

    private static func list(_ names: [String]) -> JSONValue { .array(names.map { .string($0) }) }
}

extension Ceremony {
    /// Where the ceremony stands; `steps` are those of its kind.
    package func progress(
        steps: [CeremonyStep], now: UnixTime, waiting: CeremonyWait? = nil
    ) throws(CustodyError) -> CeremonyProgress {
        let transcript = try directory.loadTranscript(plan: plan)
        let (done, touched) = (Set(transcript.done), Set(transcript.touched))
        let approved = try approvals().map(\.person.name)
        let signers = try headSigners(transcript)
        let state = try state(now: now)
        let isOver = state.isOver
        return CeremonyProgress(
            id: plan.id, kind: plan.kind, directory: directory.path, purpose: plan.purpose,
            administrator: plan.administrator, state: state, words: plan.words, planHash: plan.hash,
            expires: plan.expires, threshold: authority.threshold, rehearsal: plan.rehearsal, approvals: approved,
            missingApprovals: approved.count >= authority.threshold
                ? [] : authority.custodians.map(\.name).filter { !approved.contains($0) },
            steps: steps.map { step in
                .init(
                    name: step.name, title: step.title, role: step.role,
                    standing: done.contains(step.name)
                        ? .done
                        : touched.contains(step.name)
                            ? .begun
                            : transcript.lines.contains { $0.event == .undone && $0.step == step.name }
                                ? .undone : .pending)
            }, canAdvance: !isOver && waiting == nil && (state == .approved || state == .running), waiting: waiting,
            headSigners: signers, missingHeadSigners: isOver ? missingHeadSigners(signers) : [],
            head: transcript.lines.last?.hash,
            headWords: TranscriptHead(plan: plan, transcript: transcript).map { Proquint.phrase(sha256Of: $0.bytes) })
    }

    /// Where the ceremony stands by its files alone, in a process that knows none of its steps: they are called by the names
    /// that its transcript gives them.
    package func recorded(now: UnixTime) throws(CustodyError) -> CeremonyProgress {
        let names = try directory.loadTranscript(plan: plan).lines.first?.data["steps"]?.strings ?? []
        let steps = names.map { CeremonyStep(name: $0, title: $0, act: {}, verify: { nil }) }
        var progress = try progress(steps: steps, now: now)
        progress.canAdvance = false
        return progress
    }
}
