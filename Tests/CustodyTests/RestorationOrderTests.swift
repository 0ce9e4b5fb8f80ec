import AuditLog
import Custody
import StrictEncoding
import Testing

/// The order by which custodians let the core go on with an older log.
@Suite struct RestorationOrderTests {
    private let order = RestorationOrder(
        appliance: QuorumFixture.appliance,
        lost: Checkpoint(origin: "vault.example/log", size: 9, root: [UInt8](repeating: 9, count: 32)),
        found: Checkpoint(origin: "vault.example/log", size: 7, root: [UInt8](repeating: 7, count: 32)),
        reason: "disk lost", expires: QuorumFixture.now.adding(seconds: 3600),
        nonce: String(repeating: "5", count: 32))

    @Test func itNamesWhatIsLostAndWhatIsFoundAndIsReadInOneSpellingAlone() throws {
        #expect(try RestorationOrder(file: order.bytes) == order)
        var without = order
        without.lost = nil
        #expect(try RestorationOrder(file: without.bytes) == without && without.hash != order.hash)
        let text = String(decoding: order.bytes, as: UTF8.self)
        for (from, to) in [
            ("{\"appliance\"", "{ \"appliance\""), ("\"size\":7", "\"size\":-7"),
            ("\"reason\":\"disk lost\"", "\"reason\":\"\""),
            ("restoration/1", "restoration/2"), ("5555\"", "55\""), ("\"size\":7", "\"more\":1,\"size\":7"),
            ("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=", "BwcH"),
        ] {
            #expect(text.contains(from))
            #expect(throws: CustodyError(.malformed, "")) {
                try RestorationOrder(file: Array(text.replacing(from, with: to).utf8))
            }
        }
    }

    @Test func itTakesAsManyCustodiansAsTheManifestSays() throws {
        let fixture = try QuorumFixture()
        let signatures = try fixture.people.map { try $0.sign(order.bytes, .restoration) }
        func verify(_ signatures: [String], _ order: RestorationOrder? = nil, later: Int64 = 0) throws -> [String] {
            try (order ?? self.order).verify(
                signatures: signatures, manifest: fixture.genesis, now: QuorumFixture.now.adding(seconds: later)
            ).map { "\($0.name) \($0.fingerprint)" }
        }
        let people = fixture.people.map { "\($0.name) \($0.ssh.publicKey.fingerprint)" }
        #expect(try verify([signatures[2], signatures[0]]) == [people[2], people[0]])
        #expect(throws: CustodyError(.tooFew, "")) { try verify([signatures[0]]) }
        #expect(throws: CustodyError(.repeated, "")) { try verify([signatures[0], signatures[0]]) }
        #expect(throws: CustodyError(.expired, "")) { try verify(signatures, later: 3600) }
        #expect(throws: CustodyError(.expired, "")) { try verify(signatures, later: -7 * 86_400) }
        let stranger = try QuorumFixture().people[1].sign(order.bytes, .restoration)
        #expect(throws: CustodyError(.stranger, "")) { try verify([signatures[0], stranger]) }
        // A signature for another use is none for this one.
        let plan = try fixture.people[1].sign(order.bytes, .plan)
        #expect(throws: CustodyError(.wrongNamespace, "")) { try verify([signatures[0], plan]) }
        var other = order
        other.found.size = 6
        #expect(throws: CustodyError(.badSignature, "")) { try verify(signatures, other) }
        other = order
        other.appliance = String(repeating: "0f", count: 16)
        #expect(throws: CustodyError(.foreign, "")) { try verify(signatures, other) }
    }
}
