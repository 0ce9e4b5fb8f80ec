import AuditLog
import CoreProtocol
import Custody
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultCore

/// The life of a key, each step by a ceremony and none before its time.
@Suite(.timeLimit(.minutes(10))) struct KeyStateCeremonyTests {
    private func changes(_ site: CeremonySite, _ list: [(String, String)]) throws -> JSONObject {
        [
            "changes": .array(
                try list.map { ["kid": .string(try site.key($0.0).kid), "to": .string($0.1)] as JSONValue }),
            "consumer_cache_age": "1h",
        ]
    }

    private func change(_ site: CeremonySite, _ list: [(String, String)]) async throws {
        try await site.hold(.changeKeyState, try changes(site, list))
    }

    /// Not before every verifier knows it.
    private func promoteAfterAnHour(_ site: CeremonySite) async throws {
        let early = try site.plan(.changeKeyState, try changes(site, [("sign-next", "active")]))
        try await site.begin(early)
        site.quorum.site.clock.move(seconds: 3590)
        await #expect(throws: CoreError(.refused, "")) { _ = try await site.step(early.id) }
        #expect(try site.state("sign-next") == .prepublished)
        site.quorum.site.clock.move(seconds: 11)
        #expect(try await site.finish(early.id)["state"] == "completed")
        #expect(try site.state("sign-next") == .active)
    }

    @Test func aKeyIsPromotedAfterItsTimeAndTheOldOneEndsAfterItsOwn() async throws {
        try await CeremonySite.run { site in
            try await site.hold(.generate, ["keys": [CeremonySite.signing("sign-next")]])
            try await promoteAfterAnHour(site)
            #expect(try await site.quorum.signs(site.core, "sign-next"))
            try await change(site, [("sign-es256", "retiring")])
            #expect(try await site.quorum.code(site.core) == .unknownKey)
            let late = try site.plan(.changeKeyState, try changes(site, [("sign-es256", "retired")]))
            try await site.begin(late)
            site.quorum.site.clock.move(seconds: 300)
            await #expect(throws: CoreError(.refused, "")) { _ = try await site.step(late.id) }
            site.quorum.site.clock.move(seconds: 61)
            try await site.finish(late.id)
            let old = try #require(site.core.inForce.current.signed.keys.first { $0.label == "sign-es256" })
            #expect(
                CeremonyReport(try site.verify(late)).text
                    .contains("sign-es256 | \(old.kid) | \(site.serial) | retiring | retired | "))
            let kid = try site.key("sign-es256").kid
            #expect(!site.core.description.keys.contains { $0.kid == kid && $0.state != "retired" })
            let end = try await site.hold(.changeKeyState, try changes(site, [("sign-es256", "destroyed")]))
            #expect(try site.state("sign-es256") == .destroyed)
            #expect(try await site.objects() == site.expectedObjects())
            let line = try #require(try site.verify(end).transcript.evidence(of: "destroy.1"))
            #expect(line.data["found_in_a_fresh_process"] == 0)
            let call = line.data["c_destroy_object"]?.object
            #expect(call?["destroyed"] == 2 && call?["found"] == 0)
            #expect(call?["old_handle"]?.string?.contains("CKR_OBJECT_HANDLE_INVALID") == true)
            #expect(try await site.quorum.signs(site.core, "sign-next"))
        }
    }

    @Test func stepsThatDoNotFollowAreRefused() async throws {
        try await CeremonySite.run { site in
            for (label, state) in [("sign-es256", "retired"), ("sign-es256", "destroyed"), ("checkpoint", "retired")] {
                let plan = try site.plan(.changeKeyState, try changes(site, [(label, state)]), validFor: "1h")
                try await site.begin(plan)
                await #expect(throws: CoreError(.refused, "")) { _ = try await site.step(plan.id) }
                site.quorum.site.clock.move(seconds: 3601)
            }
            #expect(site.core.inForce.current.signed.version == 1)
        }
    }

    @Test(arguments: [(PointKind.begunOrActed, 9), (.done, 6)])
    func aDestructionThatDiesAnywhereIsFinished(kind: PointKind, count: Int) async throws {
        try await CeremonySite.run { site in
            try await site.hold(.generate, ["keys": [CeremonySite.other("tls-next", "tls", "ES256")]])
            try await change(site, [("tls-next", "retired")])
            let deaths = Deaths { $0.isOneOf(kind) }
            site.core.ceremonies.equipment.pass = deaths.pass
            let plan = try site.plan(.changeKeyState, try changes(site, [("tls-next", "destroyed")]))
            try await site.begin(plan)
            for _ in 0..<60 {
                do {
                    let progress = try await site.step(plan.id)
                    if progress["state"] == "completed" { break }
                    if progress["waiting"]?.object != nil { try await site.signManifest(plan.id) }
                } catch { await site.core.ceremonies.forget(plan.id) }
            }
            #expect(deaths.count == count)
            #expect(try site.state("tls-next") == .destroyed)
            #expect(try await site.objects() == site.expectedObjects())
        }
    }

    @Test func aQuarantineIsRatifiedByTheNextManifestAndEndedByAQuorumAlone() async throws {
        try await CeremonySite.run { site in
            let kid = try site.key("sign-es256").kid
            try await site.quorum.order(site.core, "quarantine", .quarantine, kid)
            #expect(try await site.quorum.code(site.core) == .unknownKey)
            // Any other ceremony's manifest keeps it out.
            site.quorum.site.clock.move(seconds: 10)
            try await site.hold(.generate, ["keys": [CeremonySite.signing("sign-next")]])
            #expect(site.core.inForce.current.signed.keys.first { $0.kid == kid }?.state == .quarantined)
            site.quorum.site.clock.move(seconds: 3601)
            try await change(site, [("sign-es256", "prepublished"), ("sign-next", "active")])
            #expect(try site.state("sign-es256") == .prepublished)
            site.quorum.site.clock.move(seconds: 3601)
            try await change(site, [("sign-es256", "active")])
            #expect(try await site.quorum.signs(site.core))
        }
    }

    @Test func aKeyThatComesBackFromAQuarantineWaitsForItsVerifiersAnew() async throws {
        try await CeremonySite.run { site in
            try await site.hold(.generate, ["keys": [CeremonySite.signing("sign-next")]])
            // By now every verifier knows it, until it is taken out of the key set: no signed manifest ever says so.
            site.quorum.site.clock.move(seconds: 3601)
            try await site.quorum.order(site.core, "quarantine", .quarantine, try site.key("sign-next").kid)
            site.quorum.site.clock.move(seconds: 3601)
            try await change(site, [("sign-next", "prepublished")])
            let states = site.core.inForce.current.chain?.manifests.compactMap { manifest in
                manifest.keys.first { $0.label == "sign-next" }?.state
            }
            #expect(states == [.prepublished, .prepublished])
            try await promoteAfterAnHour(site)
        }
    }

    @Test func theCheckpointKeyIsReplacedInOneCeremony() async throws {
        try await CeremonySite.run { site in
            try await site.hold(.generate, ["keys": [CeremonySite.other("checkpoint-2", "checkpoint", "EdDSA")]])
            try await change(site, [("checkpoint", "retired"), ("checkpoint-2", "active")])
            let size = site.core.log.status.size
            while (site.core.log.status.checkpoint?.size ?? 0) < size { try await Task.sleep(for: .milliseconds(20)) }
            #expect(try site.state("checkpoint-2") == .active)
            let report = try await site.hold(.auditVerify)
            let faults = try site.verify(report).transcript.evidence(of: "report")?.data["faults"]
            #expect(faults == [])
        }
    }

    @Test func aKeyIsNotDestroyedWhenAnotherManifestIsInForce() async throws {
        try await CeremonySite.run { site in
            try await site.hold(.generate, ["keys": [CeremonySite.other("tls-next", "tls", "ES256")]])
            try await change(site, [("tls-next", "retired")])
            let before = try await site.objects()
            let plan = try site.plan(.changeKeyState, try changes(site, [("tls-next", "destroyed")]))
            try await site.begin(plan)
            try await site.go(plan.id, until: ManifestSteps.sign)
            site.quorum.site.clock.move(seconds: 1)
            let other = try site.quorum.quorum.successor(of: site.core.inForce.current.signed, at: site.now)
            try await site.core.install(other)
            await #expect(throws: CoreError(.refused, "")) { _ = try await site.step(plan.id) }
            #expect(try await site.objects() == before)
            #expect(try await site.abort(plan.id)["state"] == "aborted")
        }
    }
}
