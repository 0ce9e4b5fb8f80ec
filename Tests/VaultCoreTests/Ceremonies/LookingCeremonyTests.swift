import AuditLog
import CoreProtocol
import Custody
import Foundation
import HSMBridge
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultCore

/// Ceremonies that change nothing: drill, audit-verify, activate.
@Suite(.timeLimit(.minutes(10))) struct LookingCeremonyTests {
    private func faults(_ site: CeremonySite) async throws -> [String] {
        let plan = try await site.hold(.auditVerify)
        return try #require(try site.verify(plan).transcript.evidence(of: "report")).data["faults"]?.strings ?? ["none"]
    }

    @Test func whatIsAsItShouldBeGivesAReportWithoutFaults() async throws {
        try await CeremonySite.run { site in
            try await site.hold(.generate, ["keys": [CeremonySite.signing("sign-next")]])
            #expect(try await faults(site).isEmpty)
            #expect(site.core.inForce.current.signed.version == 2)
        }
    }

    @Test func anExtraObjectAndAnEditedTranscriptStandInTheReport() async throws {
        try await CeremonySite.run { site in
            let earlier = try await site.hold(.generate, ["keys": [CeremonySite.signing("sign-next")]])
            let hsm = try #require(site.core.hsms.open.first)
            _ = try await hsm.generate(KeySpecification(label: "planted", algorithm: .es256, purpose: .signing))
            let path = try site.directory(earlier.id).transcript
            let text = String(decoding: try PrivateFile.readPublic(path), as: UTF8.self)
            try PrivateFile.replace(path, Array(text.replacing("\"fred\"", with: "\"mary\"").utf8), mode: 0o600)
            let found = try await faults(site)
            #expect(found.count == 3, "\(found)")
            #expect(found.filter { $0.contains("planted") }.count == 2)
            #expect(found.contains { $0.contains(earlier.id) })
        }
    }

    @Test func aDrillProvesSharesOneByOneAndNamesTheStalest() async throws {
        try await CeremonySite.run { site in
            let before = site.core.status.object?["activation"]?.object
            #expect(before?["stalest_custodian"] == "carol")
            site.quorum.site.clock.move(seconds: 60)
            let plan = try site.plan(.drill)
            try await site.begin(plan)
            #expect(try await site.step(plan.id)["waiting"]?.object?["missing"] == ["alice", "bob", "carol"])
            let request = try site.request(plan.id)
            #expect(request.ceremony == plan.id && request.isDrill)
            // The wrong share, and a share twice.
            await #expect(throws: CoreError(.refused, "")) {
                try await site.contribute(
                    plan.id,
                    site.quorum.quorum.contribution(
                        of: 0, to: request, share: site.quorum.quorum.shares[1].encoded, signer: site.people[0]))
            }
            try await site.contribute(plan.id, site.quorum.quorum.contribution(of: 2, to: request))
            site.quorum.site.clock.move(seconds: 1)
            await #expect(throws: CoreError(.refused, "")) {
                try await site.contribute(plan.id, site.quorum.quorum.contribution(of: 2, to: request))
            }
            // A process that dies keeps what was proven, and asks the others anew.
            await site.core.ceremonies.forget(plan.id)
            #expect(try await site.step(plan.id)["waiting"]?.object?["missing"] == ["alice", "bob"])
            let again = try site.request(plan.id)
            await #expect(throws: CoreError(.refused, "")) {
                try await site.contribute(plan.id, site.quorum.quorum.contribution(of: 0, to: request))
            }
            for index in 0..<2 {
                try await site.contribute(plan.id, site.quorum.quorum.contribution(of: index, to: again))
                site.quorum.site.clock.move(seconds: 1)
            }
            #expect(site.core.ceremonies.memory(of: plan.id).withLock { $0.secret } == nil)
            #expect(try await site.finish(plan.id)["state"] == "completed")
            #expect(site.core.status.object?["activation"]?.object?["stalest_custodian"] == "carol")
            let proofs = site.core.standing.proofs(epoch: 1)
            #expect(Set(proofs.keys) == ["alice", "bob", "carol"])
        }
    }

    @Test func aContributionToADrillActivatesNothing() async throws {
        try await CeremonySite.run(isActive: false) { site in
            let plan = try site.plan(.drill)
            try await site.begin(plan)
            _ = try await site.step(plan.id)
            for index in 0..<3 {
                try await site.contribute(
                    plan.id, site.quorum.quorum.contribution(of: index, to: site.request(plan.id)))
            }
            #expect(site.core.isSealed)
            await #expect(throws: CoreError(.refused, "")) {
                try await site.quorum.contribute(
                    site.core, site.quorum.quorum.contribution(of: 0, to: site.request(plan.id)))
            }
        }
    }

    @Test func anActivationCanBeHeldAsACeremony() async throws {
        try await CeremonySite.run(isActive: false) { site in
            let plan = try site.plan(.activate)
            try await site.begin(plan)
            #expect(try await site.step(plan.id)["waiting"]?.object?["needed"] == 2)
            let request = try site.request(plan.id)
            for index in 0..<2 {
                try await site.quorum.contribute(site.core, site.quorum.quorum.contribution(of: index, to: request))
            }
            #expect(try await site.finish(plan.id)["state"] == "completed")
            #expect(!site.core.isSealed)
        }
    }
}
