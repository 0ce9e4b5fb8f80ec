import AuditLog
import CoreProtocol
import Custody
import Foundation
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultCore

/// What one authorised person does at once, and what a quorum puts in force while the core runs.
@Suite(.timeLimit(.minutes(10))) struct CustodyOrderTests {
    @Test func oneCustodianSealsTheCoreAndAQuorumBringsItBackInTheSameProcess() async throws {
        try await QuorumSite.run { site, core in
            try await site.activate(core)
            #expect(try await site.signs(core))
            let generation = core.description.generation
            try await site.order(core, "seal", .seal)
            #expect(core.isSealed && core.hsms.open.isEmpty && core.hsms.activatedPINs == nil)
            #expect(try await site.code(core) == .sealed)
            let entry = try #require(try site.entries().last)
            #expect(entry.kind == .activationSealed && entry.operator?.hasPrefix("carol SHA256:") == true)
            let sealing = core.log.status.size
            try await site.activate(core)
            #expect(try await site.signs(core))
            // The log's keys are back too: a checkpoint covers what was written while nobody could sign one.
            while (core.log.status.checkpoint?.size ?? 0) < sealing { try await Task.sleep(for: .milliseconds(20)) }
            #expect(core.description.generation > generation)
        }
    }

    @Test func anApproverMaySealAndStrangersOldAndForeignOrdersAreRefused() async throws {
        try await QuorumSite.run { site, core in
            try await site.activate(core)
            await #expect(throws: CoreError(.refused, "")) {
                try await site.order(core, "seal", .seal, by: try SoftwareCustodian("eve"))
            }
            await #expect(throws: CoreError(.refused, "")) { try await site.order(core, "seal", .cancel) }
            for (instance, appliance, now) in [
                ("another-run", nil, site.now), (core.instance, String(repeating: "0f", count: 16), site.now),
                (core.instance, nil, site.now.adding(seconds: -600)),
            ] {
                let order = try site.quorum.order(
                    .seal, instance: instance, now: now, by: site.quorum.people[0], appliance: appliance)
                await #expect(throws: CoreError(.refused, "")) {
                    try await core.command([
                        "command": "seal", "order": .string(order.file), "signature": .string(order.signature),
                    ])
                }
            }
            #expect(try await site.signs(core))
            try await site.order(core, "seal", .seal, by: site.quorum.approvers[0])
            #expect(core.isSealed)
        }
    }

    @Test func anOrderIsCarriedOutOnceAndNotAgainAfterAnActivation() async throws {
        try await QuorumSite.run { site, core in
            try await site.activate(core)
            let order = try site.quorum.order(.seal, instance: core.instance, now: site.now, by: site.quorum.people[0])
            let command: JSONValue = [
                "command": "seal", "order": .string(order.file), "signature": .string(order.signature),
            ]
            try await core.command(command)
            #expect(core.isSealed)
            try await site.activate(core)
            await #expect(throws: CoreError(.refused, "")) { try await core.command(command) }
            #expect(try await site.signs(core))
            // Signed by another person it is the same order.
            let other = try site.quorum.people[1].sign(Array(order.file.utf8), .order)
            await #expect(throws: CoreError(.refused, "")) {
                try await core.command([
                    "command": "seal", "order": .string(order.file), "signature": .string(other),
                ])
            }
            #expect(!core.isSealed)
            try await site.order(core, "seal", .seal)
            #expect(core.isSealed)
        }
    }

    @Test func aQuarantinedKeyLeavesSigningAtOnceAndStaysSoAtTheNextStart() async throws {
        try await QuorumSite.withGenesis { site in
            var kid = ""
            try await site.running { core in
                try await site.activate(core)
                kid = try #require(core.manifest.keys.first { $0.label == "sign-es256" }).kid
                try await site.order(core, "quarantine", .quarantine, kid)
                #expect(try await site.code(core) == .unknownKey)
                #expect(try await site.signs(core, "sign-rs256"))
                #expect(core.description.keys.first { $0.kid == kid }?.state == "quarantined")
                await #expect(throws: CoreError(.refused, "")) {
                    try await site.order(core, "quarantine", .quarantine, kid)
                }
                let entry = try #require(try site.entries().last { $0.kind == .adminKeyQuarantined })
                #expect(entry.kid == kid && entry.operator?.hasPrefix("carol SHA256:") == true)
            }
            try await site.running { core in
                #expect(core.description.keys.first { $0.kid == kid }?.state == "quarantined")
                try await site.activate(core)
                #expect(try await site.code(core) == .unknownKey)
                // A manifest from before the order does not lift it; one that was written after it decides.
                let first = core.inForce.current.signed
                let earlier = try site.quorum.successor(of: first, at: first.created)
                try await core.install(earlier)
                #expect(core.manifest.version == 2)
                #expect(core.description.keys.first { $0.kid == kid }?.state == "quarantined")
                #expect(try await site.code(core) == .unknownKey)
                site.site.clock.move(seconds: 2)
                let ratified = try site.quorum.successor(of: earlier, at: site.now) { manifest in
                    let index = manifest.keys.firstIndex { $0.kid == kid } ?? 0
                    manifest.keys[index].state = .retired
                }
                try await core.install(ratified)
                #expect(core.description.keys.first { $0.kid == kid }?.state == "retired")
            }
        }
    }

    @Test func noCommandOfASocketBringsAManifestIntoForce() async throws {
        try await QuorumSite.run { site, core in
            try await site.activate(core)
            let next = try site.quorum.successor(of: core.inForce.current.signed, at: site.now)
            let manifest = JSONValue.string(String(decoding: next.jsonBytes, as: UTF8.self))
            await #expect(throws: CoreError.self) {
                try await core.command(["command": "manifest-install", "manifest": manifest])
            }
            #expect(core.manifest.version == 1)
        }
    }

    @Test func aManifestComesIntoForceWhileRequestsAreServed() async throws {
        try await QuorumSite.run(changing: { manifest in
            let index = manifest.keys.firstIndex { $0.label == "sign-rs256" } ?? 0
            manifest.keys[index].state = .prepublished
        }) { site, core in
            try await site.activate(core)
            #expect(try await site.code(core, "sign-rs256") == .unknownKey)
            #expect(core.description.keys.first { $0.label == "sign-rs256" }?.state == "prepublished")
            let next = try site.quorum.successor(of: core.inForce.current.signed, at: site.now) { manifest in
                for index in manifest.keys.indices {
                    if manifest.keys[index].label == "sign-rs256" { manifest.keys[index].state = .active }
                    if manifest.keys[index].label == "sign-eddsa" { manifest.keys[index].state = .retiring }
                }
            }
            let failures = try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask {
                    var failures = 0
                    for _ in 0..<40 where try await !site.signs(core) { failures += 1 }
                    return failures
                }
                try await core.install(next)
                return try await group.reduce(0, +)
            }
            #expect(failures == 0)
            #expect(core.manifest.version == 2 && core.description.manifestVersion == 2)
            #expect(try await site.signs(core, "sign-rs256"))
            #expect(try await site.code(core, "sign-eddsa") == .unknownKey)
            let entry = try #require(try site.entries().last { $0.kind == .adminManifestInstalled })
            #expect(entry.manifestVersion == 2 && entry.detail?["manifest_hash"] == next.hash)
            #expect(try site.directory.readChain().current.hash == next.hash)
        }
    }

    @Test(
        "a manifest that may not come into force changes nothing",
        arguments: ["one signature", "strangers", "no link", "missing key", "host key", "no PINs"])
    func refusedManifest(what: String) async throws {
        try await QuorumSite.run { site, core in
            try await site.activate(core)
            let first = core.inForce.current.signed
            var next = try site.quorum.successor(of: first, at: site.now)
            switch what {
            case "one signature":
                next = try site.quorum.successor(of: first, at: site.now, by: [site.quorum.people[0]])
            case "strangers":
                next = try SoftwareQuorum(appliance: first.appliance).successor(of: first, at: site.now)
            case "no link":
                next.previous = String(repeating: "0", count: 64)
                next = try site.quorum.signed(next)
            case "missing key":
                next = try site.quorum.successor(of: first, at: site.now) {
                    $0.keys[0].id = String(repeating: "0", count: 32)
                }
            case "host key":
                next.hostKey = try SSHPrivateKey().publicKey.line
                next = try site.quorum.signed(next)
            default:
                next = try site.quorum.successor(of: first, at: site.now) { $0.activation?.epoch = 2 }
            }
            let before = try site.entries().count
            await #expect(throws: (any Error).self) { try await core.install(next) }
            #expect(
                core.manifest.version == 1 && !FileManager.default.fileExists(atPath: site.directory.manifestFile(2)))
            #expect(try site.entries().count == before)
            #expect(try await site.signs(core))
        }
    }
}
