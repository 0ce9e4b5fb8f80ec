import AuditLog
import CoreProtocol
import Custody
import Foundation
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultCore

/// Under `config_approvals: 2` a bundle counts only when two approvers have signed it, and never an older one.
@Suite(.timeLimit(.minutes(10))) struct BundleApprovalTests {
    private static let dials = Manifest.Dials(
        configApprovals: 2, unattendedStart: false, restartGrace: 0, fileTLSKeys: false)
    private static let first = String(repeating: "ab", count: 32)
    private static let second = String(repeating: "cd", count: 32)

    private static func approve(
        _ site: QuorumSite, _ core: VaultCore, _ bundle: String, _ number: Int64, by person: SoftwareCustodian,
        appliance: String? = nil
    ) async throws -> JSONObject? {
        let approval = BundleApproval(
            appliance: appliance ?? core.manifest.appliance, bundle: bundle, number: number,
            parts: ["policy": bundle])
        return try await core.command([
            "command": "config-approve", "approval": .string(String(decoding: approval.bytes, as: UTF8.self)),
            "signature": .string(try person.sign(approval.bytes, .configuration)),
        ]).object
    }

    private static func loads(_ core: VaultCore, _ bundle: String) async -> Bool {
        var entry = Entry(kind: .configLoaded)
        entry.bundle = bundle
        return (try? await core.append(entry)) != nil
    }

    @Test func aBundleLoadsOnceTwoApproversHaveSignedItAndNoOlderOneAfterwards() async throws {
        try await QuorumSite.run(dials: Self.dials) { site, core in
            try await site.activate(core)
            let (dave, erin) = (site.quorum.approvers[0], site.quorum.approvers[1])
            #expect(try site.entries()[0].custody == "quorum")
            #expect(await !Self.loads(core, Self.first))
            #expect(try await site.code(core) == .refused)
            #expect(try await Self.approve(site, core, Self.first, 1, by: dave)?["complete"] == false)
            #expect(await !Self.loads(core, Self.first))
            await #expect(throws: CoreError(.refused, "")) {
                _ = try await Self.approve(site, core, Self.first, 1, by: dave)
            }
            #expect(try await Self.approve(site, core, Self.first, 1, by: erin)?["complete"] == true)
            #expect(await Self.loads(core, Self.first))
            #expect(try await site.signs(core))
            for person in [dave, erin] { _ = try await Self.approve(site, core, Self.second, 2, by: person) }
            #expect(await Self.loads(core, Self.second))
            #expect(await !Self.loads(core, Self.first))
            let entry = try #require(try site.entries().last { $0.kind == .configApproved })
            #expect(entry.bundle == Self.second && entry.operator?.hasPrefix("erin SHA256:") == true)
        }
    }

    @Test func theNewestApprovalIsKnownAfterARestart() async throws {
        try await QuorumSite.withGenesis(dials: Self.dials) { site in
            try await site.running { core in
                for (bundle, number) in [(Self.first, Int64(1)), (Self.second, 2)] {
                    for person in site.quorum.approvers {
                        _ = try await Self.approve(site, core, bundle, number, by: person)
                    }
                }
            }
            try await site.running { core in
                try await site.activate(core)
                #expect(await !Self.loads(core, Self.first))
                #expect(await Self.loads(core, Self.second))
                await #expect(throws: CoreError(.refused, "")) {
                    _ = try await Self.approve(site, core, Self.first, 2, by: site.quorum.approvers[0])
                }
            }
        }
    }

    @Test func anApprovalIsCompleteAlsoWhereTheLastSignersProcessDiedBeforeItCouldSaySo() async throws {
        try await QuorumSite.withGenesis(dials: Self.dials) { site in
            let store = BundleApprovals(site.directory)
            try await site.running { core in
                for (bundle, number) in [(Self.first, Int64(1)), (Self.second, 2)] {
                    let approval = BundleApproval(
                        appliance: core.manifest.appliance, bundle: bundle, number: number, parts: ["policy": bundle])
                    for person in site.quorum.approvers where number == 2 || person.name == "dave" {
                        let signature = try person.sign(approval.bytes, .configuration)
                        try store.add(approval, signature: signature, by: person.name)
                    }
                }
                _ = try await Self.approve(site, core, Self.first, 1, by: site.quorum.approvers[1])
            }
            try await site.running { core in
                try await site.activate(core)
                let entry = try #require(try site.entries().last { $0.kind == .configApproved })
                #expect(entry.bundle == Self.second && entry.detail?["complete"] == "yes" && entry.operator == nil)
                #expect(await !Self.loads(core, Self.first))
                #expect(await Self.loads(core, Self.second))
            }
        }
    }

    @Test func whoSignsAHighNumberAloneBlocksNobody() async throws {
        try await QuorumSite.run(dials: Self.dials) { site, core in
            try await site.activate(core)
            let (dave, erin) = (site.quorum.approvers[0], site.quorum.approvers[1])
            for person in [dave, erin] { _ = try await Self.approve(site, core, Self.first, 1, by: person) }
            _ = try await Self.approve(site, core, Self.first, 900, by: dave)
            #expect(await Self.loads(core, Self.first))
            for person in [dave, erin] { _ = try await Self.approve(site, core, Self.second, 2, by: person) }
            #expect(await Self.loads(core, Self.second))
            #expect(await !Self.loads(core, Self.first))
            for person in [dave, erin] { _ = try await Self.approve(site, core, Self.first, 3, by: person) }
            #expect(await Self.loads(core, Self.first))
            // Nothing comes after the highest number there is, so nobody gets near it.
            for number in [1004, JSONValue.safeIntegers.upperBound] {
                await #expect(throws: CoreError(.malformed, "")) {
                    _ = try await Self.approve(site, core, Self.second, number, by: dave)
                }
            }
        }
    }

    @Test func oneApproverSignsNoHeapOfDocumentsUnderOneNumber() async throws {
        try await QuorumSite.run(dials: Self.dials) { site, core in
            try await site.activate(core)
            let (dave, erin) = (site.quorum.approvers[0], site.quorum.approvers[1])
            let bundles = (0..<33).map { index in
                String(repeating: "0", count: 62) + (index < 16 ? "0" : "") + String(index, radix: 16)
            }
            for bundle in bundles.prefix(32) { _ = try await Self.approve(site, core, bundle, 1, by: dave) }
            await #expect(throws: CoreError(.refused, "")) {
                _ = try await Self.approve(site, core, bundles[32], 1, by: dave)
            }
            // Nobody else is kept from it, nor he from another number.
            _ = try await Self.approve(site, core, bundles[32], 1, by: erin)
            for person in [dave, erin] { _ = try await Self.approve(site, core, Self.first, 2, by: person) }
            #expect(await Self.loads(core, Self.first))
        }
    }

    @Test func ofTwoApprovalsThatBecomeCompleteAtOnceTheOlderIsRefused() async throws {
        try await QuorumSite.run(dials: Self.dials) { site, core in
            try await site.activate(core)
            let (dave, erin) = (site.quorum.approvers[0], site.quorum.approvers[1])
            _ = try await Self.approve(site, core, Self.first, 5, by: dave)
            _ = try await Self.approve(site, core, Self.second, 6, by: dave)
            let (gate, opener) = AsyncStream.makeStream(of: Void.self)
            let (starts, started) = AsyncStream.makeStream(of: Void.self)
            let custody = try core.quorum()
            let holder = Task {
                try await custody.turns.take {
                    started.finish()
                    for await _ in gate {}
                }
            }
            for await _ in starts {}
            let before = custody.turns.count
            // Both come while something else has the turn, the newer first.
            let newer = Task { _ = try await Self.approve(site, core, Self.second, 6, by: erin) }
            while custody.turns.count < before + 1 { try await Task.sleep(for: .milliseconds(5)) }
            let older = Task { _ = try await Self.approve(site, core, Self.first, 5, by: erin) }
            while custody.turns.count < before + 2 { try await Task.sleep(for: .milliseconds(5)) }
            opener.finish()
            try await holder.value
            try await newer.value
            await #expect(throws: CoreError(.refused, "")) { try await older.value }
            #expect(core.standing.newestApproval == 6)
            #expect(await Self.loads(core, Self.second))
            #expect(await !Self.loads(core, Self.first))
        }
    }

    @Test func custodiansStrangersAndApprovalsForOthersCountForNothing() async throws {
        try await QuorumSite.run(dials: Self.dials) { site, core in
            for person in [site.quorum.people[0], try SoftwareCustodian("mallory")] {
                await #expect(throws: CoreError(.refused, "")) {
                    _ = try await Self.approve(site, core, Self.first, 1, by: person)
                }
            }
            await #expect(throws: CoreError(.refused, "")) {
                _ = try await Self.approve(
                    site, core, Self.first, 1, by: site.quorum.approvers[0],
                    appliance: String(repeating: "0f", count: 16))
            }
            #expect(try site.entries().allSatisfy { $0.kind != .configApproved })
        }
    }
}
