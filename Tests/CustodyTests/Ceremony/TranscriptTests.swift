import Custody
import StrictEncoding
import Testing

/// A transcript that somebody touched says which line.
@Suite struct TranscriptTests {
    private func finished() async throws -> CeremonyFixture {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        #expect(try await fixture.runToEnd(try fixture.runner()).state == .completed)
        return fixture
    }

    private func complaint(_ fixture: CeremonyFixture) -> String {
        do {
            _ = try fixture.verify()
            return ""
        } catch { return "\(error)" }
    }

    @Test func aRemovedLineIsNamed() async throws {
        let fixture = try await finished()
        let lines = try fixture.lines()
        for index in 0..<lines.count - 1 {
            var fewer = lines
            fewer.remove(at: index)
            try fixture.write(lines: fewer)
            #expect(complaint(fixture).contains("line \(index + 1) is missing"))
        }
    }

    @Test func aLineThatWasMovedIsNamed() async throws {
        let fixture = try await finished()
        let lines = try fixture.lines()
        for index in 0..<lines.count - 1 {
            var moved = lines
            moved.swapAt(index, index + 1)
            try fixture.write(lines: moved)
            #expect(complaint(fixture).contains("line \(index + 1)"))
        }
    }

    @Test func anEditedLineIsNamed() async throws {
        let fixture = try await finished()
        let lines = try fixture.lines()
        for index in 0..<lines.count {
            var edited = lines
            edited[index] = edited[index].replacing("2026-", with: "2025-")
            #expect(edited != lines)
            try fixture.write(lines: edited)
            if index < lines.count - 1 {
                #expect(complaint(fixture).contains("line \(index + 1) was edited"))
            } else {
                // Nothing follows the last line: the signatures of the head hold it.
                try fixture.write(lines: lines)
                let head = try PrivateFile.readPublic(fixture.directory.head)
                let signature = try fixture.quorum.people[0].sign(head, .transcript)
                _ = try fixture.ceremony().accept(signature: signature, now: QuorumFixture.now)
                try fixture.write(lines: edited)
                #expect(complaint(fixture).contains("transcript-alice.sig"))
            }
        }
    }

    @Test func aTranscriptThatWasCutShortHasNotEnded() async throws {
        let fixture = try await finished()
        try fixture.write(lines: try fixture.lines().dropLast())
        #expect(try fixture.verify().outcome == nil)
    }

    @Test func aLineThatIsNotWholeIsSaidToBe() async throws {
        let fixture = try await finished()
        let whole = try PrivateFile.readPublic(fixture.directory.transcript)
        try PrivateFile.replace(fixture.directory.transcript, Array(whole.dropLast(3)))
        #expect(complaint(fixture).contains("is not whole"))
        #expect(try await fixture.runToEnd(try fixture.runner()).state == .completed)
        #expect(complaint(fixture) == "")
    }

    @Test func anotherPlansTranscriptIsRefused() async throws {
        let fixture = try await finished()
        let other = try CeremonyFixture { $0["purpose"] = "Something else" }
        try other.approve()
        try PrivateFile.create(other.directory.transcript, try PrivateFile.readPublic(fixture.directory.transcript))
        #expect(complaint(other).contains("line 1 belongs to another plan"))
    }

    @Test func aCeremonyWithoutItsApprovalsDoesNotVerify() async throws {
        let fixture = try await finished()
        try PrivateFile.remove("\(fixture.directory.approvals)/alice.sig")
        #expect(throws: CustodyError(.tooFew, "")) { try fixture.verify() }
    }
}
