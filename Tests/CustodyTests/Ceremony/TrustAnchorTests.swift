import Custody
import StrictEncoding
import Testing

/// A transcript proves nothing by itself: whoever can write manifests can write a whole ceremony under them.
@Suite struct TrustAnchorTests {
    private let fixture: CeremonyFixture

    init() async throws {
        fixture = try CeremonyFixture()
        try fixture.approve()
        _ = try await fixture.runToEnd(try fixture.runner())
        let head = try PrivateFile.readPublic(fixture.directory.head)
        for someone in [fixture.quorum.people[0], fixture.quorum.people[1], fixture.witness] {
            _ = try fixture.ceremony().accept(
                signature: try someone.sign(head, .transcript), now: QuorumFixture.now)
        }
    }

    private var genesis: String { fixture.quorum.genesis.hash }

    private func verify(_ anchor: TrustAnchor, _ manifests: [Manifest]? = nil) throws -> VerifiedCeremony {
        try VerifiedCeremony(
            fixture.directory, manifests: manifests ?? [fixture.quorum.genesis], anchor: anchor)
    }

    @Test func withoutAnAnchorEveryReportSaysThatNobodyVouchesAndWhatToCompare() throws {
        let report = CeremonyReport(try verify(.none))
        #expect(report.json.object?["sealed"] == true)
        #expect(report.json.object?["genesis"]?.string == genesis)
        #expect(report.json.object?["vouched_by"] == "nobody")
        let texts = [
            report.summary.joined(separator: "\n"), report.text, report.html,
            report.json.object?["trust"]?.string ?? "",
        ]
        for text in texts {
            #expect(text.contains("nobody vouches for these manifests but whoever gave them"))
            #expect(text.contains("what was written down in the first ceremony"))
        }
        for text in texts.dropLast() {
            #expect(text.contains(genesis) && text.contains(Proquint.phrase(hexadecimal: genesis)))
        }
    }

    @Test func aForgedChainFailsAgainstTheGenesisThatWasWrittenDown() throws {
        let written = try QuorumFixture().genesis.hash
        for known in [written, Proquint.phrase(hexadecimal: written), ""] {
            #expect(throws: CustodyError(.foreign, "")) { try verify(.genesis(known)) }
        }
        for known in [genesis, genesis.uppercased(), Proquint.phrase(hexadecimal: genesis)] {
            let verified = try verify(.genesis(known))
            #expect(verified.isSealed)
            #expect(CeremonyReport(verified).json.object?["vouched_by"] == "genesis")
            #expect(!CeremonyReport(verified).summary.joined().contains("nobody vouches"))
        }
    }

    @Test func aCustodiansPinVouchesForWhatFollowsFromItAlone() throws {
        let next = try fixture.quorum.successor()
        let both = [fixture.quorum.genesis, next]
        let pin = CustodianPin(try ManifestChain(verifying: both))
        #expect(CeremonyReport(try verify(.pin(pin), both)).json.object?["vouched_by"] == "pin")
        #expect(throws: CustodyError(.stale, "")) { try verify(.pin(pin)) }
        let fork = try fixture.quorum.successor { $0.threshold = 3 }
        #expect(throws: CustodyError(.notChained, "")) { try verify(.pin(pin), [fixture.quorum.genesis, fork]) }
        let other = CustodianPin(try QuorumFixture().chain)
        #expect(throws: CustodyError(.foreign, "")) { try verify(.pin(other)) }
    }

    @Test func withoutManifestsItSaysThatTheyAreNeeded() throws {
        #expect(throws: CustodyError(.notChained, "")) { try verify(.none, []) }
    }

    @Test func theDialsStandInTheFirstLineAndInTheReport() throws {
        let plan = try fixture.directory.loadPlan()
        let line = try #require(try fixture.directory.loadTranscript(plan: plan).lines.first)
        let dials = try #require(line.data["dials"]?.object)
        #expect(
            Set(dials.names) == ["config_approvals", "unattended_start", "restart_grace", "file_tls_keys"])
        #expect(CeremonyReport(try verify(.none)).text.contains("Dials: config approvals"))
    }

    @Test func aFirstLineThatSaysOtherDialsIsRefused() async throws {
        let other = try CeremonyFixture()
        try other.approve()
        _ = try await other.runner().advance()
        let lines = try other.lines()
        let first = lines[0].replacing("\"restart_grace\":0", with: "\"restart_grace\":60")
        #expect(first != lines[0])
        try other.write(lines: [first])
        #expect(throws: CustodyError(.malformed, "")) { try other.verify() }
    }
}
