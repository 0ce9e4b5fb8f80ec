import AuditLog
import CoreProtocol
import Custody
import Foundation
import HSMBridge
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultCore

/// One person takes a key out of use while a ceremony is on its way: the order holds, and the ceremony ends.
@Suite(.timeLimit(.minutes(10))) struct QuarantineCeremonyTests {
    @Test func aKeyThatIsQuarantinedDuringACustodianChangeStaysOutAndTheChangeEnds() async throws {
        try await CeremonySite.withGenesis(library: .own) { quorum in
            let successors = try RotateEpochCeremonyTests.Successors()
            var (id, kid) = ("", "")
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                try await quorum.activate(core)
                kid = try site.key("sign-es256").kid
                let plan = try site.plan(.rotateEpoch, successors.members())
                id = plan.id
                try await site.begin(plan)
                try await site.go(id, until: "pin.1") { try await successors.contribute($0, site) }
                quorum.site.clock.move(seconds: 1)
                try await quorum.order(core, "quarantine", .quarantine, kid)
                #expect(try await site.finish(id)["state"] == "completed")
                #expect(core.inForce.current.signed.activation?.epoch == 2)
                #expect(try site.state("sign-es256") == .quarantined)
                #expect(try await quorum.code(core) == .unknownKey)
                let leaf = try #require(try quorum.entries().last { $0.kind == .adminManifestInstalled })
                #expect(leaf.detail?["quarantined"] == kid)
            }
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                #expect(try site.state("sign-es256") == .quarantined)
                try await successors.activate(core, id, site)
                #expect(try await quorum.code(core) == .unknownKey)
                // The next manifest has it, and a quorum alone gives the key back.
                quorum.site.clock.move(seconds: 1)
                let plan = try site.plan(
                    .changeKeyState, ["changes": [["kid": .string(kid), "to": "prepublished"]]])
                try await site.begin(plan, by: Array(successors.people.prefix(2)))
                while try await site.step(plan.id)["waiting"]?.object == nil {}
                try await site.signManifest(plan.id, by: Array(successors.people.prefix(2)))
                try await site.finish(plan.id)
                #expect(try site.state("sign-es256") == .prepublished)
            }
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                #expect(try site.state("sign-es256") == .prepublished)
            }
        }
    }

    @Test func aManifestThatWasWrittenBeforeTheOrderLiftsNothingAlsoAfterARestart() async throws {
        try await CeremonySite.withGenesis { quorum in
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                try await quorum.activate(core)
                let plan = try site.plan(.generate, ["keys": [CeremonySite.signing("sign-next")]])
                try await site.begin(plan)
                try await site.go(plan.id, until: ManifestSteps.draft)
                quorum.site.clock.move(seconds: 1)
                try await quorum.order(core, "quarantine", .quarantine, try site.key("sign-es256").kid)
                try await site.finish(plan.id)
                let signed = core.inForce.current.signed
                #expect(signed.version == 2)
                #expect(signed.keys.first { $0.label == "sign-es256" }?.state == .active)
                #expect(try site.state("sign-es256") == .quarantined)
                #expect(try await quorum.code(core) == .unknownKey)
            }
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                try await quorum.activate(core)
                #expect(try site.state("sign-es256") == .quarantined)
                #expect(try await quorum.code(core) == .unknownKey)
                quorum.site.clock.move(seconds: 1)
                try await site.hold(.generate, ["keys": [CeremonySite.signing("sign-third")]])
                let signed = core.inForce.current.signed
                #expect(signed.keys.first { $0.label == "sign-es256" }?.state == .quarantined)
            }
        }
    }

    /// The order stood over a manifest that called the key prepublished; only the next one gave it back.
    @Test func aManifestOverWhichTheOrderStoodCountsForNoTimeAlsoAfterARestart() async throws {
        try await CeremonySite.withGenesis { quorum in
            var kid = ""
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                try await quorum.activate(core)
                try await site.hold(.generate, ["keys": [CeremonySite.signing("sign-next")]])
                kid = try site.key("sign-next").kid
                let plan = try site.plan(.generate, ["keys": [CeremonySite.signing("sign-third")]])
                try await site.begin(plan)
                try await site.go(plan.id, until: ManifestSteps.draft)
                quorum.site.clock.move(seconds: 1)
                try await quorum.order(core, "quarantine", .quarantine, kid)
                try await site.finish(plan.id)
                #expect(core.inForce.current.signed.keys.first { $0.kid == kid }?.state == .prepublished)
                #expect(try site.state("sign-next") == .quarantined)
                quorum.site.clock.move(seconds: 3601)
                try await site.hold(
                    .changeKeyState, ["changes": [["kid": .string(kid), "to": "prepublished"]]])
                #expect(try site.state("sign-next") == .prepublished)
                #expect(core.standing.installation(of: 4) != nil)
                #expect(core.since(try site.key("sign-next")) == core.standing.installation(of: 4))
            }
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                #expect(core.since(try site.key("sign-next")) == core.standing.installation(of: 4))
            }
        }
    }

    @Test func theCheckpointKeyThatIsQuarantinedMeanwhileSignsNoMore() async throws {
        try await CeremonySite.run { site in
            try await site.hold(.generate, ["keys": [CeremonySite.other("checkpoint-2", "checkpoint", "EdDSA")]])
            let plan = try site.plan(.generate, ["keys": [CeremonySite.signing("sign-next")]])
            try await site.begin(plan)
            try await site.go(plan.id, until: ManifestSteps.draft)
            site.quorum.site.clock.move(seconds: 1)
            try await site.quorum.order(site.core, "quarantine", .quarantine, try site.key("checkpoint").kid)
            try await site.finish(plan.id)
            #expect(try site.state("checkpoint") == .quarantined)
            #expect(site.core.keys.checkpoints.isEmpty)
        }
    }

    @Test func aChangeOfTheVeryKeyIsRefusedWhenItComesIntoForce() async throws {
        try await CeremonySite.run { site in
            try await site.hold(.generate, ["keys": [CeremonySite.signing("sign-next")]])
            let kid = try site.key("sign-next").kid
            site.quorum.site.clock.move(seconds: 3601)
            let plan = try site.plan(
                .changeKeyState, ["changes": [["kid": .string(kid), "to": "active"]], "consumer_cache_age": "1h"])
            try await site.begin(plan)
            try await site.go(plan.id, until: ManifestSteps.draft)
            site.quorum.site.clock.move(seconds: 1)
            try await site.quorum.order(site.core, "quarantine", .quarantine, kid)
            await #expect(throws: CoreError(.refused, "")) { try await site.finish(plan.id) }
            #expect(site.core.inForce.current.signed.version == 2)
            #expect(try await site.abort(plan.id)["state"] == "aborted")
        }
    }
}
