import Custody
import Foundation
import StrictEncoding
import Synchronization
import Testing

/// One step at a time, a durable line before and after each; whoever dies, resume or abort leaves nothing half done.
@Suite struct CeremonyRunTests {
    static let points = CeremonyFixture.names.flatMap { [CeremonyPoint.begun($0), .acted($0), .done($0)] }
    private static let all = CeremonyFixture.names.flatMap { ["effect-\($0)-a", "effect-\($0)-b"] }.sorted()

    @Test func aCeremonyRunsToItsEndAndIsSealedBySignatures() async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        let progress = try await fixture.runToEnd(try fixture.runner())
        #expect(progress.state == .completed)
        #expect(fixture.effects == Self.all)
        #expect(progress.missingHeadSigners == ["alice", "bob", "carol", "erik"])
        let head = try PrivateFile.readPublic(fixture.directory.head)
        for someone in [fixture.quorum.people[0], fixture.quorum.people[2], fixture.witness] {
            let signature = try someone.sign(head, .transcript)
            _ = try fixture.ceremony().accept(signature: signature, now: QuorumFixture.now)
        }
        #expect(try fixture.ceremony().state(now: QuorumFixture.now) == .sealed)
        let verified = try fixture.verify()
        #expect(verified.isSealed)
        #expect(verified.outcome == .completed)
        #expect(verified.headSigners == ["alice", "carol", "erik"])
    }

    @Test("a process that dies is followed by one that goes on", arguments: points)
    func resume(point: CeremonyPoint) async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        await #expect(throws: CustodyError(.systemRefused, "")) {
            _ = try await fixture.runToEnd(try fixture.runner(pass: dying(at: point)))
        }
        let progress = try await fixture.runToEnd(try fixture.runner())
        #expect(progress.state == .completed)
        #expect(fixture.effects == Self.all)
        #expect(try fixture.verify().outcome == .completed)
    }

    @Test("a process that dies is followed by an abort that leaves nothing", arguments: points)
    func abort(point: CeremonyPoint) async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        await #expect(throws: CustodyError(.systemRefused, "")) {
            _ = try await fixture.runToEnd(try fixture.runner(pass: dying(at: point)))
        }
        let progress = try await fixture.runner().abort(reason: "carol has lost her key", by: "dora")
        #expect(progress.state == .aborted)
        #expect(fixture.effects == [])
        #expect(try fixture.verify().outcome == .aborted)
        await #expect(throws: CustodyError(.wrongState, "")) {
            try await fixture.runner().abort(reason: "again", by: "dora")
        }
    }

    @Test func halfAnEffectIsTakenAwayBeforeTheStepIsTakenAgain() async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        await #expect(throws: CustodyError.self) {
            _ = try await fixture.runToEnd(try fixture.runner(pass: dying(at: .begun("two"))))
        }
        try PrivateFile.create(fixture.files.file("effect-two-a").path, [1])
        #expect(try await fixture.runToEnd(try fixture.runner()).state == .completed)
        let events = try fixture.directory.loadTranscript(plan: try fixture.directory.loadPlan()).lines
            .filter { $0.step == "two" }.map(\.event)
        #expect(events == [.begun, .resumed, .undone, .begun, .done])
    }

    @Test("whoever dies over the first lines is followed by one who writes the rest", arguments: 1...2)
    func opening(count: Int) async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        _ = try await fixture.runner().advance()
        let lines = try fixture.lines()
        #expect(lines.count == 3)
        try fixture.write(lines: Array(lines.prefix(count)))
        #expect(try fixture.verify().outcome == nil)
        #expect(try await fixture.runToEnd(try fixture.runner()).state == .completed)
        #expect(try fixture.lines()[..<3].count { $0.contains("\"approved\"") } == 2)
        #expect(try fixture.verify().approvers.map(\.name) == ["alice", "bob"])
    }

    @Test func whoDiesOverTheLastLineIsFollowedByOneWhoTellsIt() async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        let told = Mutex<[String]>([])
        await #expect(throws: CustodyError(.stepFailed, "")) {
            _ = try await fixture.runToEnd(
                try fixture.runner(record: { line in
                    if line.event == .completed { throw CustodyError(.systemRefused, "dead") }
                }))
        }
        #expect(try fixture.ceremony().state(now: QuorumFixture.now) == .completed)
        #expect(!fixture.directory.exists(fixture.directory.head))
        // Nobody needs to know its steps any more.
        for _ in 1...2 {
            try await fixture.runner(
                steps: [], record: { line in told.withLock { $0.append(line.event.rawValue) } }
            ).settle()
        }
        #expect(told.withLock { $0 } == ["completed"])
        #expect(fixture.directory.exists(fixture.directory.head))
    }

    @Test func whatGoesOnIsLeftAlone() async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        _ = try await fixture.runner().advance()
        let lines = try fixture.lines()
        try await fixture.runner().settle()
        #expect(try fixture.lines() == lines)
        #expect(!fixture.directory.exists(fixture.directory.head))
    }

    @Test func aStepThatFailsSaysWhyAndStaysOpen() async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        let isBroken = Mutex(true)
        let step = CeremonyStep(
            name: "one", title: "Fail once",
            act: {
                if isBroken.withLock({ $0 }) { throw CustodyError(.fileRefused, "the disk is full") }
            }, verify: { isBroken.withLock { $0 } ? nil : [:] })
        let runner = try fixture.runner(steps: [step])
        _ = try await runner.advance()
        await #expect(throws: CustodyError(.stepFailed, "")) { try await runner.advance() }
        let last = try #require(try fixture.directory.loadTranscript(plan: runner.ceremony.plan).lines.last)
        #expect(last.event == .failed)
        #expect(last.data["reason"]?.string?.contains("the disk is full") == true)
        isBroken.withLock { $0 = false }
        #expect(try await fixture.runToEnd(runner).state == .completed)
    }

    @Test func aStepThatWaitsChangesNothingAndNamesWhoIsMissing() async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        let wait = CeremonyWait(missing: ["bob"], needed: 1, what: "sign", files: [])
        let step = CeremonyStep(
            name: "one", title: "Wait", check: { .waiting(wait) }, act: {}, verify: { [:] })
        let runner = try fixture.runner(steps: [step])
        let progress = try await fixture.runToEnd(runner)
        #expect(progress.waiting == wait)
        let count = try fixture.lines().count
        #expect(try await runner.advance().waiting == wait)
        #expect(try fixture.lines().count == count)
    }

    @Test func whatCannotBeTakenBackIsNamedWhenTheCeremonyIsAborted() async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        let steps = [
            CeremonyStep(name: "one", title: "Install", act: {}, verify: { [:] }, leaves: "it is in force"),
            CeremonyStep(
                name: "two", title: "Break", act: {}, verify: { [:] },
                undo: { throw CustodyError(.fileRefused, "no token") }),
        ]
        let runner = try fixture.runner(steps: steps)
        for _ in 0..<3 { _ = try await runner.advance() }
        _ = try await runner.abort(reason: "enough", by: "dora")
        let last = try #require(try fixture.directory.loadTranscript(plan: runner.ceremony.plan).lines.last)
        let kept = last.data["kept"]?.strings ?? []
        #expect(kept.count == 2)
        #expect(kept.first?.hasPrefix("two: ") == true)
        #expect(kept.last == "one: it is in force")
    }

    @Test("of what was begun an abort says what is known of it", arguments: [true, false])
    func begun(isDone: Bool) async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        let isGone = Mutex(false)
        let steps = [
            CeremonyStep(
                name: "one", title: "Destroy", act: { isGone.withLock { $0 = true } },
                verify: { isGone.withLock { $0 } ? [:] : nil }, leaves: "it is gone", leavesInPart: "it may be gone")
        ]
        let runner = try fixture.runner(steps: steps, pass: dying(at: isDone ? .acted("one") : .begun("one")))
        for _ in 0..<2 { _ = try? await runner.advance() }
        _ = try await fixture.runner(steps: steps).abort(reason: "enough", by: "dora")
        let transcript = try fixture.directory.loadTranscript(plan: runner.ceremony.plan)
        #expect(transcript.lines.last?.data["kept"] == [.string(isDone ? "one: it is gone" : "one: it may be gone")])
        #expect(transcript.done == (isDone ? ["one"] : []))
        #expect(try fixture.verify().outcome == .aborted)
    }

    @Test func aGenesisWhoseTokensAreHandedOverIsFinishedHoweverLongItTakes() async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        let step = CeremonyStep(name: ManifestSteps.handOver, title: "Hand over", act: {}, verify: { [:] })
        let runner = try fixture.runner(steps: [step])
        _ = try await runner.advance()
        #expect(try !fixture.directory.loadTranscript(plan: runner.ceremony.plan).goesForwardOnly(.genesis))
        _ = try await runner.advance()
        #expect(try fixture.directory.loadTranscript(plan: runner.ceremony.plan).goesForwardOnly(.genesis))
    }

    @Test func twoProcessesDoNotRunOneCeremonyAtOnce() async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        let other = try fixture.runner()
        let refused = Mutex<CustodyError.Code?>(nil)
        let step = CeremonyStep(
            name: "one", title: "Meet another",
            act: {
                do {
                    _ = try await other.abort(reason: "mine", by: "mallory")
                } catch { refused.withLock { $0 = (error as? CustodyError)?.code } }
            }, verify: { [:] })
        _ = try await fixture.runToEnd(try fixture.runner(steps: [step]))
        #expect(refused.withLock { $0 } == .wrongState)
    }

    @Test func theAuditLogHearsOfEveryLineOnceAndOfTheMissedOnesLater() async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        let heard = Mutex<[Int64]>([])
        let isDown = Mutex(false)
        let record: @Sendable (TranscriptLine) async throws -> Void = { line in
            if isDown.withLock({ $0 }) { throw CustodyError(.fileRefused, "the log is away") }
            heard.withLock { $0.append(line.sequence) }
        }
        let runner = try fixture.runner(record: record)
        _ = try await runner.advance()
        isDown.withLock { $0 = true }
        await #expect(throws: CustodyError(.stepFailed, "")) { try await runner.advance() }
        isDown.withLock { $0 = false }
        _ = try await fixture.runToEnd(runner)
        let count = try fixture.lines().count
        #expect(heard.withLock { $0 } == Array(1...Int64(count)))
    }

    @Test func anExceptionIsNotedBetweenTheSteps() async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        let runner = try fixture.runner()
        _ = try await runner.advance()
        _ = try await runner.note(
            expected: "three witnesses", happened: "one is ill", decided: "go on", by: "dora", asSaidBy: "admin user 7")
        #expect(try await fixture.runToEnd(runner).state == .completed)
        #expect(try fixture.verify().transcript.lines.contains { $0.event == .exception })
    }

    private func dying(at point: CeremonyPoint) -> @Sendable (CeremonyPoint) throws(CustodyError) -> Void {
        { (passed) throws(CustodyError) in
            if passed == point { throw CustodyError(.systemRefused, "killed") }
        }
    }

    @Test func twoStepsOfOneNameAreRefusedAndNothingIsDone() async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        let step = CeremonyStep(name: "one", title: "Do it", act: {}, verify: { [:] })
        let runner = try fixture.runner(steps: [step, step])
        #expect(throws: CustodyError(.unsupported, "")) { _ = try runner.progress() }
        await #expect(throws: CustodyError(.unsupported, "")) { _ = try await runner.advance() }
        await #expect(throws: CustodyError(.unsupported, "")) {
            _ = try await runner.abort(reason: "enough", by: "dora")
        }
        #expect(!fixture.directory.exists(fixture.directory.transcript))
    }

    @Test func anAbortWaitsForWhatMustBeTakenBackWithPeoplesHelp() async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        let undone = Mutex<[String]>([])
        let isHelped = Mutex(true)
        let isBroken = Mutex(true)
        let wait = CeremonyWait(missing: ["bob"], needed: 1, what: "contribute", files: [])
        let steps = [
            CeremonyStep(
                name: "one", title: "Make", act: {}, verify: { [:] }, undo: { undone.withLock { $0.append("one") } }),
            CeremonyStep(
                name: "two", title: "Set", check: { isHelped.withLock { $0 } ? .ready : .waiting(wait) }, act: {},
                verify: { [:] },
                undo: {
                    if isBroken.withLock({ $0 }) { throw CustodyError(.systemRefused, "no token") }
                    undone.withLock { $0.append("two") }
                }, mustBeUndone: true),
        ]
        let runner = try fixture.runner(steps: steps)
        for _ in 0..<3 { _ = try await runner.advance() }
        isHelped.withLock { $0 = false }
        #expect(try await runner.abort(reason: "enough", by: "dora").waiting == wait)
        isHelped.withLock { $0 = true }
        await #expect(throws: CustodyError(.stepFailed, "")) { _ = try await runner.advance() }
        #expect(undone.withLock { $0.isEmpty })
        #expect(try fixture.directory.loadTranscript(plan: runner.ceremony.plan).phase == .aborting)
        isBroken.withLock { $0 = false }
        #expect(try await runner.advance().state == .aborted)
        #expect(undone.withLock { $0 } == ["two", "one"])
        #expect(try fixture.verify().outcome == .aborted)
    }

    /// Before it, at it without a word that it was done, after it, and with one more step.
    @Test(arguments: [1, 2, 3, 4])
    func whatBelongsToAFinalStepStaysWithIt(count: Int) async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        let undone = Mutex<[String]>([])
        let isInstalled = Mutex(false)
        let steps = [
            CeremonyStep(
                name: "one", title: "Make", act: {}, verify: { [:] }, undo: { undone.withLock { $0.append("one") } }),
            CeremonyStep(
                name: "two", title: "Install", act: { isInstalled.withLock { $0 = true } },
                verify: { isInstalled.withLock { $0 } ? [:] : nil }, leaves: "it is in force", isFinal: true),
            CeremonyStep(
                name: "three", title: "Tidy up", act: {}, verify: { [:] },
                undo: { undone.withLock { $0.append("three") } }),
            CeremonyStep(name: "four", title: "Look", act: {}, verify: { [:] }),
        ]
        let runner = try fixture.runner(steps: steps, pass: dying(at: count == 2 ? .acted("two") : .done("none")))
        for _ in 0...count { _ = try? await runner.advance() }
        _ = try await fixture.runner(steps: steps).abort(reason: "enough", by: "dora")
        let transcript = try fixture.directory.loadTranscript(plan: runner.ceremony.plan)
        let kept = transcript.lines.last?.data["kept"]?.strings ?? []
        #expect(transcript.phase == .aborted)
        switch count {
        case 1: #expect(undone.withLock { $0 } == ["one"] && kept.isEmpty)
        case 2: #expect(undone.withLock { $0.isEmpty } && kept == ["two: it is in force", "not done: three, four"])
        case 3:
            #expect(undone.withLock { $0 } == ["three"] && kept == ["two: it is in force", "not done: three, four"])
        default: #expect(undone.withLock { $0 } == ["three"] && kept == ["two: it is in force", "not done: three"])
        }
        #expect(try fixture.verify().outcome == .aborted)
    }
}
