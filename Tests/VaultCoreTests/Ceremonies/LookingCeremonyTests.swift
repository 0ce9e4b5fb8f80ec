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
            let earlier = try await site.hold(.generate, ["keys": [CeremonySite.signing("sign-next")]])
            let plan = try await site.hold(.auditVerify)
            let verified = try site.verify(plan)
            #expect(verified.transcript.evidence(of: "report")?.data["faults"] == [])
            // The report for people has each key as it is now, and the ceremonies that were looked at.
            let (key, report) = (try site.key("sign-next"), CeremonyReport(verified).text)
            let row = "sign-next | \(key.kid) | \(site.serial) | true | CKA_"
            let said = try #require(report.split(separator: "\n").first { $0.hasPrefix(row) })
            #expect(said.contains("CKA_ALWAYS_SENSITIVE=1"))
            #expect(report.contains("\(earlier.id) | "))
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
            #expect(site.core.ceremonies.memory(of: plan.id, until: plan.expires).withLock { $0.secret } == nil)
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

    @Test func anActivationThatIsAskedForAlreadyIsShownToItsCustodians() async throws {
        try await CeremonySite.run(isActive: false) { site in
            let (open, _) = try await site.quorum.request(site.core)
            let plan = try site.plan(.activate)
            try await site.begin(plan)
            #expect(try await site.step(plan.id)["waiting"]?.object?["words"] == .string(open.words))
            let request = try site.request(plan.id)
            #expect(request == open)
            for index in 0..<2 {
                try await site.quorum.contribute(site.core, site.quorum.quorum.contribution(of: index, to: request))
            }
            #expect(try await site.finish(plan.id)["state"] == "completed")
        }
    }

    @Test func everyRequestOfACeremonyHasItsLeavesFromItsBeginningToItsEnd() async throws {
        try await CeremonySite.run(isActive: false) { site in
            let activation = try site.plan(.activate)
            try await site.begin(activation)
            _ = try await site.step(activation.id)
            let asked = try site.request(activation.id).hash
            for index in 0..<2 {
                try await site.quorum.contribute(
                    site.core, site.quorum.quorum.contribution(of: index, to: try site.request(activation.id)))
            }
            try await site.finish(activation.id)
            let drill = try site.plan(.drill)
            try await site.begin(drill)
            _ = try await site.step(drill.id)
            let request = try site.request(drill.id).hash
            for index in 0..<3 {
                try await site.contribute(
                    drill.id, site.quorum.quorum.contribution(of: index, to: site.request(drill.id)))
            }
            try await site.finish(drill.id)
            let entries = try site.quorum.entries()
            for (hash, id) in [(asked, activation.id), (request, drill.id)] {
                let leaf = try #require(
                    entries.first { $0.kind == .activationRequested && $0.detail?["request"] == hash })
                #expect(leaf.operator == "fred" && leaf.detail?["ceremony"] == id)
            }
            let end = try #require(entries.last { $0.kind == .activationCancelled })
            #expect(end.detail?["request"] == request && end.detail?["contributed"] == "alice bob carol")
        }
    }
}
