import Custody
import StrictEncoding
import Testing

/// Who may let a ceremony begin, and what is no approval.
@Suite struct CeremonyApprovalTests {
    private func refusal(_ body: () throws -> Void) -> CustodyError.Code? {
        do {
            try body()
            return nil
        } catch { return (error as? CustodyError)?.code }
    }

    @Test func twoOfThreeApproveAndNobodyTwice() throws {
        let fixture = try CeremonyFixture()
        #expect(try fixture.ceremony().state(now: QuorumFixture.now) == .draft)
        try fixture.approve([0])
        #expect(refusal { try fixture.approve([0]) } == .repeated)
        #expect(try fixture.ceremony().state(now: QuorumFixture.now) == .draft)
        try fixture.approve([2])
        #expect(try fixture.ceremony().state(now: QuorumFixture.now) == .approved)
        #expect(try fixture.ceremony().approvals().map(\.person.name) == ["alice", "carol"])
    }

    @Test func oneApprovalIsTooFew() async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve([1])
        await #expect(throws: CustodyError(.tooFew, "")) { try await fixture.runner().advance() }
        #expect(try fixture.runner().progress().missingApprovals == ["alice", "carol"])
        #expect(fixture.effects == [])
    }

    @Test func anApprovalOfAnotherPlanIsRefused() throws {
        let (fixture, other) = (try CeremonyFixture(), try CeremonyFixture { $0["purpose"] = "Something else" })
        let foreign = try fixture.approval(0, of: other.directory.loadPlan())
        #expect(
            refusal { _ = try fixture.ceremony().accept(signature: foreign, now: QuorumFixture.now) } == .badSignature)
    }

    @Test func aStrangersApprovalIsRefused() throws {
        let fixture = try CeremonyFixture()
        let mallory = try QuorumFixture.Someone("mallory")
        let signature = try mallory.sign(fixture.directory.loadPlan().bytes, .plan)
        #expect(
            refusal { _ = try fixture.ceremony().accept(signature: signature, now: QuorumFixture.now) } == .stranger)
    }

    @Test func aSignatureForAnotherPurposeIsNoApproval() throws {
        let fixture = try CeremonyFixture()
        let signature = try fixture.quorum.people[0].sign(fixture.directory.loadPlan().bytes, .order)
        #expect(
            refusal { _ = try fixture.ceremony().accept(signature: signature, now: QuorumFixture.now) }
                == .wrongNamespace)
    }

    @Test func anotherAppliancesPlanIsRefused() throws {
        let fixture = try CeremonyFixture()
        let other = try QuorumFixture(appliance: String(repeating: "ab", count: 16))
        #expect(refusal { _ = try fixture.ceremony(manifest: other.genesis) } == .foreign)
    }

    @Test func aPlanForAnOlderManifestIsRefused() async throws {
        let fixture = try CeremonyFixture()
        let newer = try fixture.quorum.successor()
        let ceremony = try fixture.ceremony(manifest: newer)
        #expect(
            refusal { _ = try ceremony.accept(signature: try fixture.approval(0), now: QuorumFixture.now) } == .stale)
        try fixture.approve()
        #expect(refusal { _ = try ceremony.checkApproved(now: QuorumFixture.now) } == .stale)
    }

    @Test func anApprovalPastItsExpiryIsRefused() async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        let late = QuorumFixture.now.adding(seconds: 7200)
        #expect(try fixture.ceremony().state(now: late) == .expired)
        #expect(
            refusal { _ = try fixture.ceremony().accept(signature: try fixture.approval(2), now: late) } == .expired)
        await #expect(throws: CustodyError(.expired, "")) { try await fixture.runner(now: late).advance() }
        #expect(fixture.effects == [])
    }

    @Test func aClockThatWasSetBackStopsTheCeremony() async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        let early = QuorumFixture.now.adding(seconds: -3600)
        await #expect(throws: CustodyError(.malformed, "")) { try await fixture.runner(now: early).advance() }
    }

    @Test func aPlanChangedAfterItsApprovalIsRefused() async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        let other = try CeremonyFixture { $0["purpose"] = "Something else" }
        try PrivateFile.replace(fixture.directory.plan, other.directory.loadPlan().bytes)
        #expect(refusal { _ = try fixture.directory.loadPlan() } == .foreign)
    }

    @Test func anApprovalFileThatWasPutThereByHandRefusesTheCeremony() async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve([0])
        try PrivateFile.create("\(fixture.directory.approvals)/bob.sig", Array(try fixture.approval(0).utf8))
        #expect(refusal { _ = try fixture.ceremony().approvals() } == .foreign)
    }

    @Test func aPlanThatMustBeRehearsedDoesNotRunBefore() async throws {
        let fixture = try CeremonyFixture { $0["rehearsal"] = "required" }
        try fixture.approve()
        await #expect(throws: CustodyError(.wrongState, "")) { try await fixture.runner().advance() }
    }
}
