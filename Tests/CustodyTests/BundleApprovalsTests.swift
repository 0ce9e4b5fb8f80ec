import Custody
import Foundation
import Testing
import VaultTesting

/// The approvals in the custody directory: nobody hides another's among many of his own.
@Suite struct BundleApprovalsTests {
    @Test(arguments: [1, 1000]) func moreDocumentsOfOneApproverThanAreLookedAtHideNoOther(number: Int) throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let directory = CustodyDirectory(path: place.file("custody").path)
        let fixture = try QuorumFixture()
        let approval = BundleApproval(
            appliance: QuorumFixture.appliance, bundle: String(repeating: "ab", count: 32), number: 2, parts: [:])
        let store = BundleApprovals(directory, mostDocuments: 50)
        for person in fixture.people.prefix(2) {
            try store.add(approval, signature: try person.sign(approval.bytes, .configuration), by: person.name)
        }
        for index in 0..<50 {
            let name = "\(number)-\(String(format: "%016x", index))"
            try FileManager.default.createDirectory(
                atPath: "\(directory.approvals)/\(name)", withIntermediateDirectories: false)
        }
        let found = store.signed(from: 2, by: fixture.people.map(\.person))
        #expect(found.map(\.approval) == [approval])
        #expect(found.first?.approvers == ["alice", "bob"])
    }

    @Test func documentsComeInTheOrderOfTheirNumbers() throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        let store = BundleApprovals(CustodyDirectory(path: place.file("custody").path))
        let fixture = try QuorumFixture()
        for number in [10, 9, 100, 8] as [Int64] {
            let approval = BundleApproval(
                appliance: QuorumFixture.appliance, bundle: String(repeating: "ab", count: 32), number: number,
                parts: [:])
            let alice = fixture.people[0]
            try store.add(approval, signature: try alice.sign(approval.bytes, .configuration), by: alice.name)
        }
        #expect(store.signed(from: 9, by: fixture.people.map(\.person)).map(\.approval.number) == [9, 10, 100])
    }
}
