import Custody
import StrictEncoding
import Testing

/// The desk at which ceremonies are asked about, where no core runs and where one does.
@Suite struct CeremonyDeskTests {
    private func desk(_ fixture: CeremonyFixture, holds: Bool = true) -> CeremonyDesk {
        let genesis = fixture.quorum.genesis
        return CeremonyDesk(
            .init(
                root: fixture.root, manifests: { [genesis] },
                withRunner: { ceremony, _ in
                    throw CustodyError(.unsupported, "no step of \(ceremony.plan.id) is known here")
                }, clock: { QuorumFixture.now }, random: { [UInt8](repeating: 9, count: $0) },
                holds: { _ in holds }))
    }

    private func ask(_ desk: CeremonyDesk, _ command: String, _ members: JSONObject) async throws -> JSONObject {
        var reader = try ObjectReader(.object(members))
        return try await desk.execute(command, &reader, user: 0).object ?? [:]
    }

    @Test func whoCannotHoldACeremonySaysWhatItsFilesSay() async throws {
        let fixture = try CeremonyFixture()
        try fixture.approve()
        let id: JSONObject = ["id": .string(try fixture.directory.loadPlan().id)]
        let before = try await ask(desk(fixture, holds: false), "ceremony-status", id)
        #expect(before["state"] == "approved" && before["can_advance"] == false && before["steps"] == [])
        let runner = try fixture.runner()
        for _ in 0..<2 { _ = try await runner.advance() }
        let progress = try await ask(desk(fixture, holds: false), "ceremony-status", id)
        #expect(progress["state"] == "running" && progress["can_advance"] == false)
        let steps = (progress["steps"]?.array ?? []).compactMap(\.object)
        #expect(steps.compactMap { $0["name"]?.string } == CeremonyFixture.names)
        #expect(steps.compactMap { $0["standing"]?.string } == ["done", "pending", "pending"])
        let lines = try fixture.lines()
        await #expect(throws: CustodyError(.unsupported, "")) {
            _ = try await ask(desk(fixture, holds: false), "ceremony-step", id)
        }
        #expect(try fixture.lines() == lines)
    }

    @Test func aDraftThatNobodyCanHoldIsNotWrittenDown() async throws {
        let fixture = try CeremonyFixture()
        let before = try PrivateFile.names(in: fixture.root)
        await #expect(throws: CustodyError(.unsupported, "")) {
            _ = try await ask(
                desk(fixture), "ceremony-draft", ["plan": .object(CeremonyFixture.generation(["sign-next"]))])
        }
        #expect(try PrivateFile.names(in: fixture.root) == before)
    }
}
