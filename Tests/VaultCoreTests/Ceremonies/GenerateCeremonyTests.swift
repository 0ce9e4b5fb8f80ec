import AuditLog
import CoreProtocol
import Custody
import Foundation
import HSMBridge
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultCore

/// New keys, made in the running core by a plan that two of three custodians have approved.
@Suite(.timeLimit(.minutes(10))) struct GenerateCeremonyTests {
    private static let keys: JSONObject = [
        "keys": [CeremonySite.signing("sign-next"), CeremonySite.other("tls-next", "tls", "ES256")]
    ]

    @Test func newKeysStandInTheManifestWithWhatTheTokenSaidOfThem() async throws {
        try await CeremonySite.run { site in
            let plan = try await site.hold(.generate, Self.keys)
            #expect(site.core.inForce.current.signed.version == 2)
            #expect(try site.state("sign-next") == .prepublished && site.state("tls-next") == .generated)
            #expect(try site.key("sign-next").evidence["refuses.read_private"] == true)
            #expect(try site.key("sign-next").provenance == .generated)
            #expect(try await site.objects() == site.expectedObjects())
            let published = site.core.description.keys.filter { $0.state == "prepublished" }.map(\.label)
            #expect(published == ["sign-next"])
            #expect(try await site.quorum.signs(site.core))
            let verified = try site.verify(plan)
            #expect(verified.outcome == .completed && verified.manifest?.version == 2)
            #expect(verified.approvers.map(\.name) == ["alice", "bob"])
        }
    }

    @Test func theReportHasEachNewKeyWithItsPublicHalfAndWhatWasReadBackAndTheLogHasItsKid() async throws {
        try await CeremonySite.run { site in
            let report = CeremonyReport(try site.verify(try await site.hold(.generate, Self.keys))).text
            for label in ["sign-next", "tls-next"] {
                let key = try site.key(label)
                #expect(report.contains("| \(key.token) | \(key.kid) | generated"))
                let said = try #require(report.split(separator: "\n").first { $0.hasPrefix("\(label) | CKA_") })
                #expect(said.contains("CKA_ALWAYS_SENSITIVE=1") && said.contains("read_private"))
                #expect(report.contains(String(decoding: JSONWriter.canonical(.object(key.jwk)), as: UTF8.self)))
                let leaf = try #require(
                    try site.quorum.entries().first { $0.kind == .adminKeysGenerated && $0.kid == key.kid })
                #expect(leaf.keyLabel == label && leaf.detail?["token"] == site.serial)
                #expect(leaf.detail?["provenance"] == nil)
            }
        }
    }

    @Test func everyLineOfTheTranscriptIsALeafOfTheLog() async throws {
        try await CeremonySite.run { site in
            let plan = try await site.hold(.generate, Self.keys)
            let lines = try site.verify(plan).transcript.lines
            let leaves = try site.quorum.entries().filter { $0.detail?["id"] == plan.id }
            #expect(leaves.map { $0.detail?["line_hash"] } == lines.map(\.hash))
            #expect(leaves.first?.kind == .ceremonyStarted && leaves.last?.kind == .ceremonyCompleted)
            #expect(leaves.filter { $0.kind == .ceremonyApproved }.map(\.operator) == ["alice", "bob"])
            #expect(
                try site.quorum.entries().contains { $0.kind == .adminManifestInstalled && $0.manifestVersion == 2 })
        }
    }

    @Test(arguments: [(PointKind.begunOrActed, 11), (.done, 7)])
    func aProcessThatDiesAtEveryPointGoesOnAndMakesEachKeyOnce(kind: PointKind, count: Int) async throws {
        try await CeremonySite.run { site in
            let deaths = Deaths { $0.isOneOf(kind) }
            site.core.ceremonies.equipment.pass = deaths.pass
            let plan = try site.plan(.generate, Self.keys)
            try await site.begin(plan)
            for _ in 0..<100 {
                do {
                    let progress = try await site.step(plan.id)
                    if progress["state"] == "completed" { break }
                    if progress["waiting"]?.object != nil { try await site.signManifest(plan.id) }
                } catch {
                    // A new process knows of the ceremony what lies on the disk.
                    await site.core.ceremonies.forget(plan.id)
                }
            }
            #expect(deaths.count == count)
            #expect(try site.verify(plan).outcome == .completed)
            #expect(try await site.objects() == site.expectedObjects())
            #expect(site.core.inForce.current.signed.version == 2)
        }
    }

    @Test func abortedAfterAnyStepNothingIsLeftOnTheToken() async throws {
        try await CeremonySite.run { site in
            let before = try await site.objects()
            for steps in 0...6 {
                let plan = try site.plan(.generate, Self.keys)
                try await site.begin(plan)
                for _ in 0..<steps {
                    if try await site.step(plan.id)["waiting"]?.object != nil { try await site.signManifest(plan.id) }
                }
                let order = try site.quorum.quorum.order(
                    .abort, plan.id, instance: site.core.instance, now: site.now, by: site.people[2])
                let progress = try await site.call(
                    "abort", plan.id,
                    [
                        "order": .string(order.file), "signature": .string(order.signature),
                    ])
                #expect(progress["state"] == "aborted")
                #expect(try site.verify(plan).outcome == .aborted)
                #expect(try await site.objects() == before)
            }
            #expect(site.core.inForce.current.signed.version == 1)
            let aborted = try site.quorum.entries().filter { $0.kind == .ceremonyAborted }
            #expect(aborted.count == 7 && aborted.allSatisfy { $0.operator?.hasPrefix("carol SHA256:") == true })
        }
    }

    @Test func strangersAndOrdersForAnotherCeremonyAbortNothing() async throws {
        try await CeremonySite.run { site in
            let plan = try site.plan(.generate, Self.keys)
            try await site.begin(plan)
            for (person, subject) in [(try SoftwareCustodian("eve"), plan.id), (site.people[0], "drill-0123456789ab")] {
                let order = try site.quorum.quorum.order(
                    .abort, subject, instance: site.core.instance, now: site.now, by: person)
                await #expect(throws: CoreError(.refused, "")) {
                    _ = try await site.call(
                        "abort", plan.id,
                        ["order": .string(order.file), "signature": .string(order.signature)])
                }
            }
            #expect(try await site.finish(plan.id)["state"] == "completed")
        }
    }

    @Test func theReasonOfAnAbortIsTheOneThatWasSigned() async throws {
        try await CeremonySite.run { site in
            let plan = try site.plan(.generate, Self.keys)
            try await site.begin(plan)
            let order = try site.quorum.quorum.order(
                .abort, plan.id, instance: site.core.instance, now: site.now, by: site.people[2],
                reason: "the words differ")
            let signed: JSONObject = ["order": .string(order.file), "signature": .string(order.signature)]
            // Nobody adds another reason to it on the way.
            var changed = signed
            changed["reason"] = "all is well"
            await #expect(throws: CoreError(.malformed, "")) { try await site.call("abort", plan.id, changed) }
            #expect(try await site.call("abort", plan.id, signed)["state"] == "aborted")
            let entry = try #require(try site.quorum.entries().last { $0.kind == .ceremonyAborted })
            #expect(entry.reason == "the words differ" && entry.operator?.hasPrefix("carol SHA256:") == true)
            #expect(CeremonyReport(try site.verify(plan)).text.contains("the words differ (carol SHA256:"))
        }
    }

    @Test func aNoteNamesTheUserWhoWroteItAndDoesNotSpeakForAnotherPerson() async throws {
        try await CeremonySite.run { site in
            let plan = try site.plan(.generate, Self.keys)
            try await site.begin(plan)
            _ = try await site.call(
                "note", plan.id,
                ["expected": "five people", "happened": "four came", "decided": "go on", "by": "anna"])
            let line = try #require(try site.directory(plan.id).loadTranscript(plan: plan).lines.last)
            #expect(line.data["by"] == "anna" && line.data["as_said_by"] == .string("admin user \(getuid())"))
            let entry = try #require(try site.quorum.entries().last { $0.detail?["event"] == "exception" })
            #expect(entry.operator == "admin user \(getuid())")
            #expect(entry.detail?["by"] == "anna" && entry.detail?["as_said_by"] == entry.operator)
            try await site.finish(plan.id)
            let report = CeremonyReport(try site.verify(plan)).text
            #expect(report.contains("anna, as admin user \(getuid()) said; not signed"))
        }
    }

    @Test func approvalsThatAreNotAQuorumsOfThisPlanLeaveNoTrace() async throws {
        try await CeremonySite.run { site in
            let (plan, other) = (try site.plan(.generate, Self.keys), try site.plan(.generate, Self.keys))
            let eve = try SoftwareCustodian("eve")
            let refused: [[String]] = [
                [], [try site.people[0].sign(plan.bytes, .plan)],
                [try site.people[0].sign(plan.bytes, .plan), try site.people[0].sign(plan.bytes, .plan)],
                [try site.people[0].sign(plan.bytes, .plan), try site.people[1].sign(other.bytes, .plan)],
                [try site.people[0].sign(plan.bytes, .plan), try eve.sign(plan.bytes, .plan)],
                [try site.people[0].sign(plan.bytes, .plan), try site.people[1].sign(plan.bytes, .manifest)],
            ]
            for approvals in refused {
                await #expect(throws: CoreError(.refused, "")) {
                    try await site.core.command([
                        "command": "ceremony-begin", "plan": .string(String(decoding: plan.bytes, as: UTF8.self)),
                        "approvals": .array(approvals.map { .string($0) }),
                    ])
                }
            }
            #expect(try PrivateFile.names(in: site.quorum.directory.ceremonies).isEmpty)
        }
    }

    @Test func aPlanForAnOlderManifestIsRefused() async throws {
        try await CeremonySite.run { site in
            let old = try site.plan(.generate, ["keys": [CeremonySite.signing("sign-late")]])
            try await site.hold(.generate, Self.keys)
            await #expect(throws: CoreError(.refused, "")) { try await site.begin(old) }
            #expect(site.core.inForce.current.signed.version == 2)
        }
    }

    @Test func aSecondCeremonyWaitsUntilTheFirstHasEnded() async throws {
        try await CeremonySite.run { site in
            let first = try site.plan(.generate, Self.keys, validFor: "1h")
            try await site.begin(first)
            let second = try site.plan(.generate, ["keys": [CeremonySite.signing("sign-other")]])
            await #expect(throws: CoreError(.refused, "")) { try await site.begin(second) }
            // One whose time ran out is taken back by itself.
            site.quorum.site.clock.move(seconds: 3601)
            try await site.begin(second)
            #expect(try site.verify(first).outcome == .aborted)
            #expect(try await site.finish(second.id)["state"] == "completed")
        }
    }

    @Test func anObjectThatNoManifestNamesStopsTheCeremony() async throws {
        try await CeremonySite.run { site in
            let hsm = try #require(site.core.hsms.open.first)
            _ = try await hsm.generate(KeySpecification(label: "sign-next", algorithm: .es256, purpose: .signing))
            let before = try await site.objects()
            let plan = try site.plan(.generate, Self.keys)
            try await site.begin(plan)
            await #expect(throws: CoreError(.refused, "")) { _ = try await site.step(plan.id) }
            let status = try await site.call("status", plan.id)
            #expect(status["state"] == "running")
            #expect(try await site.objects() == before)
        }
    }

    @Test func aSealedCoreMakesNoKeys() async throws {
        try await CeremonySite.run(isActive: false) { site in
            let plan = try site.plan(.generate, Self.keys)
            try await site.begin(plan)
            await #expect(throws: CoreError(.refused, "")) { _ = try await site.step(plan.id) }
            try await site.quorum.activate(site.core)
            #expect(try await site.finish(plan.id)["state"] == "completed")
        }
    }

    @Test func thoseWhoNeedFilesGetThemAndNothingElse() async throws {
        try await CeremonySite.run { site in
            let plan = try await site.hold(.generate, Self.keys)
            let files = try await site.call("status", plan.id)["files"]?.strings ?? []
            #expect(Set(["plan.json", "transcript.jsonl", "head.json", "manifest.json"]).isSubset(of: Set(files)))
            for file in files {
                let answer = try await site.call("read", plan.id, ["file": .string(file)])
                let bytes = try PrivateFile.readPublic(try site.directory(plan.id).file(file))
                #expect(answer["content"]?.string.flatMap { Base64URL.decode($0) } == bytes)
            }
            for name in ["../../host-key", "lock", "import.pem", "/etc/passwd", "shares/../plan.json", ""] {
                await #expect(throws: CoreError.self) {
                    _ = try await site.call("read", plan.id, ["file": .string(name)])
                }
            }
        }
    }
}
