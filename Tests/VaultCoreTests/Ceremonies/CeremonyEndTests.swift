import AuditLog
import CoreProtocol
import Crypto
import Custody
import Foundation
import HSMBridge
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultCore

/// How ceremonies end: what is in force stays, what is not is taken back, and nothing that opens anything is left behind.
@Suite(.timeLimit(.minutes(10))) struct CeremonyEndTests {
    private static let keys: JSONObject = ["keys": [CeremonySite.signing("sign-next")]]

    /// Where the process dies over the installation, or does not.
    @Test(arguments: [nil, CeremonyPoint.acted(ManifestSteps.install)])
    func anAbortAfterTheManifestCameIntoForceTakesNothingOfItBack(point: CeremonyPoint?) async throws {
        try await CeremonySite.run { site in
            let plan = try site.plan(.generate, Self.keys)
            try await site.begin(plan)
            if let point {
                site.core.ceremonies.equipment.pass = Deaths { $0 == point }.pass
                await #expect(throws: CoreError.self) { try await site.finish(plan.id) }
            } else {
                try await site.go(plan.id, until: ManifestSteps.install)
            }
            #expect(try await site.abort(plan.id)["state"] == "aborted")
            #expect(site.core.inForce.current.signed.version == 2)
            #expect(try await site.objects() == site.expectedObjects())
            let verified = try site.verify(plan)
            #expect(verified.outcome == .aborted && verified.manifest?.version == 2)
            #expect(!verified.transcript.lines.contains { $0.event == .undone })
            let kept = verified.transcript.lines.last?.data["kept"]?.strings ?? []
            #expect(kept.count == 1 && kept[0].contains("in force"), "\(kept)")
            let audit = try await site.hold(.auditVerify)
            #expect(try site.verify(audit).transcript.evidence(of: "report")?.data["faults"] == [])
        }
    }

    @Test func plansForAManifestThatWasReplacedCannotBeginAndAreInNobodysWay() async throws {
        try await CeremonySite.run { site in
            func draft() async throws -> String {
                let answer = try await site.core.command([
                    "command": "ceremony-draft",
                    "plan": [
                        "ceremony": "drill", "purpose": "A test", "administrator": "fred", "rehearsal": "waived",
                        "valid_for": "7d",
                    ],
                ])
                return try #require(answer.object?["id"]?.string)
            }
            let first = try await draft()
            for _ in 1..<64 { _ = try await draft() }
            await #expect(throws: CoreError(.refused, "")) { try await draft() }
            let plan = try CeremonyPlan(file: try PrivateFile.readPublic(try site.directory(first).plan))
            for person in site.people.prefix(2) {
                _ = try await site.call("sign", first, ["signature": .string(try person.sign(plan.bytes, .plan))])
            }
            #expect(try await site.call("status", first)["problem"] == .null)
            try await site.hold(.generate, Self.keys)
            // An approval is one for the manifest that it was given under.
            #expect(try await site.call("status", first)["problem"]?.string?.contains("manifest 2 is in force") == true)
            await #expect(throws: CoreError(.refused, "")) { try await site.step(first) }
            let second = try await draft()
            #expect(try await site.call("status", second)["state"] == "draft")
        }
    }

    @Test func aCeremonyWhoseManifestIsInForceIsFinishedAlsoAfterItsTime() async throws {
        try await CeremonySite.run { site in
            try await site.hold(.generate, Self.keys)
            site.quorum.site.clock.move(seconds: 3601)
            let change: JSONObject = [
                "changes": [["kid": .string(try site.key("sign-next").kid), "to": "active"]],
                "consumer_cache_age": "1h",
            ]
            let plan = try site.plan(.changeKeyState, change, validFor: "1h")
            try await site.begin(plan)
            try await site.go(plan.id, until: ManifestSteps.install)
            site.quorum.site.clock.move(seconds: 3601)
            let next = try site.plan(.generate, ["keys": [CeremonySite.signing("sign-third")]])
            await #expect(throws: CoreError(.refused, "")) { try await site.begin(next) }
            #expect(try site.verify(plan).outcome == nil)
            #expect(try await site.call("status", plan.id)["state"] == "running")
            #expect(try await site.finish(plan.id)["state"] == "completed")
            try await site.begin(next)
            #expect(try await site.finish(next.id)["state"] == "completed")
        }
    }

    @Test func aCustodianChangeWhosePINsAreSetIsFinishedAlsoAfterItsTime() async throws {
        try await CeremonySite.withGenesis(library: .own) { quorum in
            let successors = try RotateEpochCeremonyTests.Successors()
            var id = ""
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                try await quorum.activate(core)
                let plan = try site.plan(.rotateEpoch, successors.members(), validFor: "1h")
                id = plan.id
                try await site.begin(plan)
                try await site.go(id, until: "pin.1") { try await successors.contribute($0, site) }
            }
            quorum.site.clock.move(seconds: 7200)
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                #expect(core.isSealed)
                #expect(
                    try await site.finish(id) { try await successors.contribute($0, site) }["state"] == "completed")
                try await successors.activate(core, id, site)
                #expect(try await quorum.signs(core))
            }
        }
    }

    @Test func theSecretOfAnEpochIsForgottenWhenThePlansTimeRunsOut() async throws {
        try await CeremonySite.withGenesis(library: .own) { quorum in
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                try await quorum.activate(core)
                let successors = try RotateEpochCeremonyTests.Successors()
                let plan = try site.plan(.rotateEpoch, successors.members(), validFor: "1h")
                try await site.begin(plan)
                try await site.go(plan.id, until: "prove") { try await successors.contribute($0, site) }
                let memory = core.ceremonies.memory(of: plan.id, until: plan.expires)
                #expect(memory.withLock { $0.secret } != nil)
                quorum.site.clock.move(seconds: 3601)
                for _ in 0..<2400 where memory.withLock({ $0.secret }) != nil {
                    try await Task.sleep(for: .milliseconds(50))
                }
                #expect(memory.withLock { $0.secret } == nil)
            }
        }
    }

    @Test func aPlanThatCannotBeHeldLeavesNothing() async throws {
        try await CeremonySite.run { site in
            for members: JSONObject in [
                ["keys": [CeremonySite.signing("sign-es256")]],
                ["keys": [CeremonySite.signing("sign-next")], "tokens": ["nowhere"]],
                [
                    "keys": [CeremonySite.signing("sign-next"), CeremonySite.other("kek-2", "kek", "RSA-OAEP")],
                    "tokens": ["nowhere"],
                ],
            ] {
                var draft: JSONObject = [
                    "ceremony": "generate", "purpose": "A test", "administrator": "fred", "rehearsal": "waived",
                ]
                for member in members.members { draft[member.name] = member.value }
                await #expect(throws: CoreError(.refused, "")) {
                    try await site.core.command(["command": "ceremony-draft", "plan": .object(draft)])
                }
                let plan = try site.plan(.generate, members)
                await #expect(throws: CoreError(.refused, "")) { try await site.begin(plan) }
            }
            #expect(try PrivateFile.names(in: site.quorum.directory.ceremonies).isEmpty)
        }
    }

    @Test func aDraftThatNoBuildWouldTakeAnyMoreIsNamedAndCrashesNothing() async throws {
        try await CeremonySite.run { site in
            let plan = try site.plan(.generate, Self.keys)
            let text = String(decoding: plan.bytes, as: UTF8.self)
            let key = String(decoding: JSONWriter.canonical(CeremonySite.signing("sign-next")), as: UTF8.self)
            let other = key.replacing("sign-next", with: "sign_next")
            #expect(text.contains(key))
            let bytes = Array(text.replacing(key, with: "\(key),\(other)").utf8)
            let id = "generate-" + Hexadecimal.string(SHA256.hash(data: bytes)).prefix(12)
            let directory = try site.directory(id)
            for folder in [directory.path, directory.approvals, directory.signatures, directory.work] {
                try PrivateFile.makeDirectory(folder)
            }
            try PrivateFile.create(directory.plan, bytes)
            for command in ["status", "step"] {
                await #expect(throws: CoreError.self) { _ = try await site.call(command, id) }
            }
            let list = try await site.core.command(["command": "ceremonies"]).object?["ceremonies"]?.array
            #expect(list?.first?.object?["state"] == "unreadable")
        }
    }

    @Test func aPINThatCannotBeSetBackNowIsSetBackLaterAndNothingIsLost() async throws {
        try await CeremonySite.withGenesis(library: .own) { quorum in
            let successors = try RotateEpochCeremonyTests.Successors()
            var id = ""
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                try await quorum.activate(core)
                let plan = try site.plan(.rotateEpoch, successors.members())
                id = plan.id
                try await site.begin(plan)
                try await site.go(id, until: "pin.1") { try await successors.contribute($0, site) }
                core.ceremonies.equipment.child = TokenChild(executable: "/bin/false")
                await #expect(throws: CoreError(.refused, "")) { try await site.abort(id) }
                #expect(FileManager.default.fileExists(atPath: quorum.directory.pinsFile(epoch: 2)))
            }
            // Another process has no share to set it back with, and takes nothing for done that is not.
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                let wait = try await site.step(id)["waiting"]?.object
                #expect(wait?["live"] == true)
                #expect(FileManager.default.fileExists(atPath: quorum.directory.pinsFile(epoch: 2)))
                try await successors.contribute(id, site)
                #expect(try await site.step(id)["state"] == "aborted")
                #expect(!FileManager.default.fileExists(atPath: quorum.directory.pinsFile(epoch: 2)))
                try await quorum.activate(core)
                #expect(try await quorum.signs(core))
            }
        }
    }
}
