import Custody
import StrictEncoding
import Testing

@Suite struct ManifestChainTests {
    @Test func aQuorumsManifestIsWrittenAsItWasReadAndVerifies() throws {
        let fixture = try QuorumFixture()
        let read = try Manifest(jsonBytes: fixture.genesis.jsonBytes)
        #expect(read == fixture.genesis)
        let chain = try ManifestChain(verifying: [read])
        #expect(chain.genesisHash == read.hash)
        #expect(try Manifest(bodyBytes: read.bodyBytes).hash == read.hash)
    }

    @Test func aSuccessorIsApprovedByTheCustodiansBeforeIt() throws {
        let fixture = try QuorumFixture()
        let dave = try QuorumFixture.Someone("dave")
        let next = try fixture.successor { $0.approvers = [dave.person] }
        #expect(try ManifestChain(verifying: [next, fixture.genesis]).current == next)
    }

    @Test func newCustodiansCannotApproveThemselves() throws {
        let fixture = try QuorumFixture()
        let others = try QuorumFixture()
        let next = try fixture.successor(by: Array(others.people.prefix(2))) {
            $0.custodians = others.people.map(\.person)
            $0.activation = .init(epoch: 2, shares: $0.activation?.shares ?? [])
        }
        #expect(throws: CustodyError(.stranger, "")) { try ManifestChain(verifying: [fixture.genesis, next]) }
    }

    @Test func oneCustodianIsNotTwo() throws {
        let fixture = try QuorumFixture()
        let alice = fixture.people[0]
        #expect(throws: CustodyError(.repeated, "")) {
            try ManifestChain(verifying: [try QuorumFixture.signed(fixture.genesis, by: [alice, alice])])
        }
        #expect(throws: CustodyError(.tooFew, "")) {
            try ManifestChain(verifying: [try QuorumFixture.signed(fixture.genesis, by: [alice])])
        }
    }

    @Test func onePersonUnderTwoNamesIsRefused() throws {
        let fixture = try QuorumFixture()
        for change in [
            { (manifest: inout Manifest) in manifest.custodians[1].sshKey = manifest.custodians[0].sshKey },
            { $0.custodians[1].ageRecipient = $0.custodians[0].ageRecipient },
            { $0.custodians[1].name = $0.custodians[0].name },
            { $0.approvers = [$0.custodians[2]] },
            { $0.custodians[1].sshKey = $0.hostKey ?? "" },
        ] {
            var manifest = fixture.genesis
            change(&manifest)
            #expect(throws: SchemaFault.self) { try Manifest(jsonBytes: manifest.jsonBytes) }
        }
    }

    @Test func aChangedManifestIsRefused() throws {
        let fixture = try QuorumFixture()
        for change in [
            { (manifest: inout Manifest) in manifest.threshold = 3 }, { $0.keys[0].state = .retired },
            { $0.dials.unattendedStart = true }, { $0.tokens[0].label = "other" },
            { $0.activation?.shares[0].commitment = String(repeating: "0", count: 64) },
        ] {
            var manifest = fixture.genesis
            change(&manifest)
            #expect(throws: CustodyError.self) { try ManifestChain(verifying: [manifest]) }
        }
    }

    @Test func linksThatDoNotFollowAreRefused() throws {
        let fixture = try QuorumFixture()
        let cases: [(inout Manifest) -> Void] = [
            { $0.version = 3 }, { $0.previous = String(repeating: "0", count: 64) },
            { $0.appliance = "ffffffffffffffffffffffffffffffff" },
            { $0.created = QuorumFixture.now.adding(seconds: -1) },
            { $0.activation?.shares[0].commitment = String(repeating: "0", count: 64) },
        ]
        for change in cases {
            let next = try fixture.successor(change)
            #expect(throws: CustodyError.self) { try ManifestChain(verifying: [fixture.genesis, next]) }
        }
        #expect(throws: CustodyError(.notChained, "")) { try ManifestChain(verifying: [try fixture.successor()]) }
    }

    @Test func aCustodiansPinRefusesAnotherGenesisAnOlderManifestAndAFork() throws {
        let fixture = try QuorumFixture()
        let next = try fixture.successor()
        let chain = try ManifestChain(verifying: [fixture.genesis, next])
        let pin = try CustodianPin(file: CustodianPin(chain).bytes)
        #expect(throws: Never.self) { try pin.check(chain) }
        #expect(throws: CustodyError(.stale, "")) { try pin.check(try fixture.chain) }
        let fork = try fixture.successor { $0.dials.fileTLSKeys = true }
        #expect(throws: CustodyError(.notChained, "")) {
            try pin.check(try ManifestChain(verifying: [fixture.genesis, fork]))
        }
        #expect(throws: CustodyError(.foreign, "")) { try pin.check(try QuorumFixture().chain) }
    }
}
