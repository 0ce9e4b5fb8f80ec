import AuditLog
import CoreProtocol
import Custody
import Foundation
import HSMBridge
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultCore

/// A second token comes into service, and the first one may go.
@Suite(.timeLimit(.minutes(10))) struct ReplicateCeremonyTests {
    private static let keys: JSONValue = [
        CeremonySite.signing("sign-es256"), CeremonySite.other("checkpoint", "checkpoint", "EdDSA"),
        CeremonySite.other("tls-gateway", "tls", "ES256"), CeremonySite.other("kek", "kek", "RSA-OAEP"),
    ]

    /// A site whose configuration names a second token, behind a library of its own, that no manifest knows yet.
    private func run(
        initialises: Bool = false,
        _ body: (CeremonySite, JSONObject, SoftHSMDirectory.Token?) async throws -> Void
    ) async throws {
        let fixture = try SoftHSMFixture.shared()
        let second = initialises ? nil : try fixture.takeToken()
        let label = second?.label ?? "replica-\(UUID().uuidString.prefix(8))"
        try await CeremonySite.withGenesis(keys: ["sign-es256", "checkpoint", "tls-gateway", "kek"]) { quorum in
            var quorum = quorum
            // A library that no other test has loaded may be finalised while they run.
            let module = quorum.site.directory + "/libreplica.so"
            let path = URL(filePath: fixture.modulePath).resolvingSymlinksInPath().path
            try FileManager.default.copyItem(atPath: path, toPath: module)
            let uri = "pkcs11:token=\(label)"
            quorum.site.settings.tokens[0].field = "hsm.tokens[0]"
            quorum.site.settings.tokens.append(
                .init(field: "hsm.tokens[1]", module: module, uri: uri, pinFile: nil))
            let officer = quorum.site.directory + "/so-pin"
            try PrivateFile.create(
                officer, try LockedBytes(copying: Array((second?.securityOfficerPIN ?? "officer-9876\n").utf8)))
            var token: JSONObject = [
                "module": .string(module), "token": .string(uri), "so_pin": "burn", "so_pin_file": .string(officer),
                "prepare": initialises ? "initialise" : "adopt",
            ]
            if let second { token["pin_file"] = .string(second.pinFile) }
            try await quorum.running { core in
                let site = try CeremonySite(quorum, core)
                try await quorum.activate(core)
                try await seal(site)
                try await body(site, ["token": .object(token), "keys": Self.keys], second)
            }
        }
    }

    /// Alice seals a secret to the tokens in force.
    private func seal(_ site: CeremonySite) async throws {
        let manifest = site.core.manifest
        var envelope = try SealedSecret(
            sealing: try LockedBytes(copying: SecretsOfACore.value), name: "crm", version: 1,
            appliance: manifest.appliance, manifest: manifest.version, recipients: try manifest.secretRecipients,
            now: site.now)
        envelope.signature = try site.people[0].sign(envelope.signedBytes, .envelope)
        try await site.core.command([
            "command": "secret-store", "rotate": false,
            "envelope": .string(String(decoding: envelope.bytes, as: UTF8.self)),
        ])
    }

    /// What the core opens of it for one recorded use.
    private func open(_ site: CeremonySite) async throws -> [UInt8] {
        var entry = Entry(kind: .configLoaded)
        entry.bundle = String(repeating: "ab", count: 32)
        _ = try await site.core.append(entry)
        return try await site.core.open(SecretsOfACore.request()).bytes
    }

    @Test(arguments: [false, true]) func aSecondTokenSignsUnderItsOwnKeys(initialises: Bool) async throws {
        try await run(initialises: initialises) { site, members, _ in
            let plan = try await site.hold(.replicate, members)
            let manifest = site.core.inForce.current.signed
            #expect(manifest.tokens.count == 2)
            let new = try #require(manifest.tokens.last)
            #expect(new.keyEncryptionKey?["kty"] == "RSA")
            #expect(site.core.hsms.open.map(\.profile.info.serial) == manifest.tokens.map(\.serial))
            let states = manifest.keys.filter { $0.token == new.serial }.map { "\($0.label) \($0.state.rawValue)" }
            #expect(
                states == ["sign-es256 prepublished", "checkpoint active", "tls-gateway active", "kek active"])
            #expect(try site.verify(plan).outcome == .completed)
            #expect(try site.verify(plan).transcript.evidence(of: "so-pin")?.data["so_pin"] == "burnt")
            #expect(try site.quorum.directory.readPINs(epoch: 1).serials.count == 2)
            let kids = site.core.description.keys.filter { $0.purpose == "signing" && $0.state != "generated" }
            #expect(kids.count == 2)
            let audit = try await site.hold(.auditVerify)
            #expect(try site.verify(audit).transcript.evidence(of: "report")?.data["faults"] == [])
            // Old shares must not open what the token's PIN was kept in.
            let work = try site.directory(plan.id).work
            #expect(!FileManager.default.fileExists(atPath: "\(work)/pin.json"))
        }
    }

    @Test func theFirstTokenDeletedFromDiskTheServiceGoesOn() async throws {
        try await run { site, members, _ in
            try await site.hold(.replicate, members)
            site.quorum.site.clock.move(seconds: 86_400)
            let new = try #require(site.core.inForce.current.signed.tokens.last)
            let key = try #require(site.core.manifest.keys.first { $0.token == new.serial && $0.purpose == .signing })
            try await site.hold(
                .changeKeyState, ["changes": [["kid": .string(key.kid), "to": "active"]]])
            let softHSM = try SoftHSMFixture.shared().directory
            let token = try softHSM.tokenDirectory(serial: site.serial)
            try FileManager.default.moveItem(atPath: token, toPath: softHSM.away(token))
            var entry = Entry(kind: .configLoaded)
            entry.bundle = String(repeating: "ab", count: 32)
            _ = try await site.core.append(entry)
            _ = try await site.core.sign(MintDraft(key: key, now: site.now).request)
            #expect(try await open(site) == SecretsOfACore.value)
        }
    }

    @Test func aTokenIsRemovedWhenItsKeysHaveEnded() async throws {
        try await run { site, members, _ in
            try await site.hold(.replicate, members)
            let manifest = site.core.inForce.current.signed
            let (old, new) = (manifest.tokens[0].serial, manifest.tokens[1].serial)
            let removal: JSONObject = ["token": .string(old), "destroy_keys": true]
            let early = try site.plan(.removeToken, removal, validFor: "1h")
            try await site.begin(early)
            await #expect(throws: CoreError(.refused, "")) { _ = try await site.step(early.id) }
            site.quorum.site.clock.move(seconds: 86_400)
            func change(_ token: String, _ state: String) async throws {
                let key = try #require(site.core.manifest.keys.first { $0.token == token && $0.purpose == .signing })
                try await site.hold(
                    .changeKeyState, ["changes": [["kid": .string(key.kid), "to": .string(state)]]])
            }
            try await change(new, "active")
            try await change(old, "retiring")
            site.quorum.site.clock.move(seconds: 400)
            try await change(old, "retired")
            let plan = try await site.hold(.removeToken, removal)
            #expect(site.core.inForce.current.signed.tokens.map(\.serial) == [new])
            #expect(site.core.hsms.open.map(\.profile.info.serial) == [new])
            #expect(try site.verify(plan).transcript.evidence(of: "destroy")?.data["found_in_a_fresh_process"] == 0)
            #expect(try site.quorum.directory.readPINs(epoch: 1).serials == [new])
            #expect(try await open(site) == SecretsOfACore.value)
            // What the destroyed checkpoint key has signed is still verified.
            let audit = try await site.hold(.auditVerify)
            #expect(try site.verify(audit).transcript.evidence(of: "report")?.data["faults"] == [])
        }
    }

    @Test(arguments: [(PointKind.begunOrActed, 20), (.done, 11)])
    func aReplicationThatDiesAnywhereIsFinished(kind: PointKind, count: Int) async throws {
        try await run { site, members, _ in
            let deaths = Deaths { $0.isOneOf(kind) }
            site.core.ceremonies.equipment.pass = deaths.pass
            let plan = try site.plan(.replicate, members)
            try await site.begin(plan)
            var isOver = false
            for _ in 0..<60 where !isOver {
                do {
                    try await site.finish(plan.id)
                    isOver = true
                } catch { await site.core.ceremonies.forget(plan.id) }
            }
            #expect(isOver)
            #expect(deaths.count == count, "\(deaths.places)")
            site.core.ceremonies.equipment.pass = { _ in }
            #expect(site.core.inForce.current.signed.tokens.count == 2)
            let audit = try await site.hold(.auditVerify)
            #expect(try site.verify(audit).transcript.evidence(of: "report")?.data["faults"] == [])
        }
    }

    @Test func aTokenThatIsNotEmptyIsNotTaken() async throws {
        try await run { site, members, second in
            let token = try #require(second)
            let made = try Command.run([
                "pkcs11-tool", "--module", try SoftHSMFixture.shared().modulePath, "--token-label", token.label,
                "--login", "--pin", token.pin, "--keypairgen", "--key-type", "EC:prime256v1", "--label", "old",
            ])
            #expect(made.status == 0, "\(made.output)")
            let plan = try site.plan(.replicate, members)
            try await site.begin(plan)
            await #expect(throws: CoreError(.refused, "")) { try await site.finish(plan.id) }
            #expect(site.core.inForce.current.signed.tokens.count == 1)
        }
    }

    @Test func aReplicationThatIsAbortedOnceItsTokenIsInForceSaysWhatStays() async throws {
        try await run { site, members, _ in
            let plan = try site.plan(.replicate, members)
            try await site.begin(plan)
            try await site.go(plan.id, until: "secrets")
            #expect(try await site.abort(plan.id)["state"] == "aborted")
            let verified = try site.verify(plan)
            #expect(verified.manifest?.tokens.count == 2)
            let kept = verified.transcript.lines.last?.data["kept"]?.strings ?? []
            #expect(kept.contains { $0.hasPrefix("manifest.install: ") })
            #expect(!kept.contains { $0.contains("nobody knows") }, "\(kept)")
            #expect(try site.quorum.directory.readPINs(epoch: 1).serials.count == 2)
            let work = try site.directory(plan.id).work
            #expect(!FileManager.default.fileExists(atPath: "\(work)/pin.json"))
            let audit = try await site.hold(.auditVerify)
            let faults = try site.verify(audit).transcript.evidence(of: "report")?.data["faults"]?.strings ?? []
            #expect(!faults.contains { $0.contains(plan.id) }, "\(faults)")
        }
    }

    @Test func aSuspectedKeyEncryptionKeyIsReplacedAndOpensNothing() async throws {
        try await run { site, members, _ in
            try await site.hold(.replicate, members)
            let old = try #require(site.core.manifest.keys.first { $0.token == site.serial && $0.purpose == .kek })
            site.quorum.site.clock.move(seconds: 1)
            try await site.quorum.order(site.core, "quarantine", .quarantine, old.kid)
            site.quorum.site.clock.move(seconds: 1)
            // The other token opens it; ceremonies go on, and one of them makes the key that follows.
            #expect(try await open(site) == SecretsOfACore.value)
            let plan = try await site.hold(
                .generate,
                ["keys": [CeremonySite.other("kek-2", "kek", "RSA-OAEP")], "tokens": [.string(site.serial)]])
            let manifest = site.core.inForce.current.signed
            #expect(manifest.keys.first { $0.kid == old.kid }?.state == .quarantined)
            let new = try site.key("kek-2")
            #expect(new.state == .active && manifest.tokens[0].keyEncryptionKey == new.jwk)
            let evidence = try #require(try site.verify(plan).transcript.evidence(of: "secrets"))
            #expect(evidence.data["wrapped_to"]?.strings?.contains(new.kid) == true)
            #expect(evidence.data["not_opened"] == [])
            let leaf = try #require(site.core.standing.secrets["crm"])
            let envelope = try #require(try site.core.secretStore.current(leaf))
            #expect(!envelope.keys.map(\.kid).contains(old.kid) && envelope.keys.count == 2)
            #expect(try await open(site) == SecretsOfACore.value)
            // Nothing needs it any more: it may end.
            try await site.hold(.changeKeyState, ["changes": [["kid": .string(old.kid), "to": "destroyed"]]])
            #expect(try await site.objects() == site.expectedObjects())
        }
    }

    @Test func aSecretThatOnlyTheSuspectedKeyOpensIsNamedAndStopsNoOtherCeremony() async throws {
        try await run { site, members, _ in
            let old = try site.key("kek")
            site.quorum.site.clock.move(seconds: 1)
            try await site.quorum.order(site.core, "quarantine", .quarantine, old.kid)
            site.quorum.site.clock.move(seconds: 1)
            await #expect(throws: CoreError.self) { _ = try await open(site) }
            try await site.hold(.generate, ["keys": [CeremonySite.signing("sign-next")]])
            #expect(site.core.inForce.current.signed.keys.first { $0.kid == old.kid }?.state == .quarantined)
            let replication = try await site.hold(.replicate, members)
            #expect(try site.verify(replication).transcript.evidence(of: "secrets")?.data["not_opened"] == ["crm"])
            let plan = try await site.hold(
                .generate,
                ["keys": [CeremonySite.other("kek-2", "kek", "RSA-OAEP")], "tokens": [.string(site.serial)]])
            #expect(try site.verify(plan).transcript.evidence(of: "secrets")?.data["not_opened"] == ["crm"])
            await #expect(throws: CoreError.self) { _ = try await open(site) }
            // It must not end while something needs it, nor come back beside the new one.
            for state in ["destroyed", "active"] {
                let change = try site.plan(
                    .changeKeyState, ["changes": [["kid": .string(old.kid), "to": .string(state)]]], validFor: "1h")
                try await site.begin(change)
                await #expect(throws: CoreError(.refused, "")) { _ = try await site.step(change.id) }
                try await site.abort(change.id)
            }
            // A second key encryption key where one is active is refused before anything is made.
            let second = try site.plan(.generate, ["keys": [CeremonySite.other("kek-3", "kek", "RSA-OAEP")]])
            await #expect(throws: CoreError(.refused, "")) { try await site.begin(second) }
            // The custodians may give it back once the new one is out: what was sealed is there.
            let new = try site.key("kek-2")
            try await site.hold(
                .changeKeyState,
                [
                    "changes": [
                        ["kid": .string(new.kid), "to": "quarantined"], ["kid": .string(old.kid), "to": "active"],
                    ]
                ])
            #expect(site.core.inForce.current.signed.tokens[0].keyEncryptionKey == old.jwk)
            #expect(try await open(site) == SecretsOfACore.value)
        }
    }
}
