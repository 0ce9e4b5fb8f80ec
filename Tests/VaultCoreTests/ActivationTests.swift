import AuditLog
import CoreProtocol
import Custody
import Foundation
import HSMBridge
import NIOCore
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultCore

/// A core under quorum custody: inert until two of three custodians have contributed, and then as any other.
@Suite(.timeLimit(.minutes(10))) struct ActivationTests {
    @Test func aCoreStartsSealedWithItsLogOpenAndSignsNothing() async throws {
        try await QuorumSite.run { site, core in
            #expect(core.isSealed && core.description.isSealed)
            #expect(core.hsms.open.isEmpty)
            #expect(try await site.code(core) == .sealed)
            await #expect(throws: CoreError(.sealed, "")) {
                try await core.tlsSign(key: "any", data: [UInt8](repeating: 0x20, count: 64))
            }
            #expect(core.description.faults == ["sealed: no request is open: start one with vault-appliance activate"])
            #expect(core.status.object?["state"] == "sealed")
            let started = try #require(try site.entries().last)
            #expect(started.kind == .adminCoreStarted && started.detail?["state"] == "sealed")
            #expect(started.custody == "quorum config_approvals=0" && started.manifestVersion == 1)
        }
    }

    @Test func aLibraryThatIsNotThereStopsASealedCoreAsWell() async throws {
        try await QuorumSite.withGenesis { site in
            var faulty = site
            faulty.site.settings.tokens[0].module = site.site.directory + "/missing.so"
            let error = await #expect(throws: StartError.self) { _ = try await faulty.start() }
            #expect(error?.field == "hsm.module" && error?.problem.hasPrefix("moduleNotFound") == true)
        }
    }

    @Test func nobodyIsCalledForATokenThatIsNotThereAndStatusSaysWhich() async throws {
        try await QuorumSite.withGenesis { site in
            var faulty = site
            faulty.site.settings.tokens[0].uri = "pkcs11:token=no-such-token"
            try await faulty.running { core in
                let faults = core.description.faults
                #expect(faults.count == 2 && faults[0].hasPrefix("sealed: ") && faults[1].contains("tokenNotFound"))
                #expect(faults[1].contains("hsm.token"))
                let refusal = await #expect(throws: CoreError(.refused, "")) { _ = try await site.request(core) }
                #expect(refusal?.reason.contains("tokenNotFound") == true)
                let kinds = try site.entries().map(\.kind)
                #expect(kinds == [.adminManifestInstalled, .adminCoreStarted])
            }
        }
    }

    @Test func twoOfThreeCustodiansBringItToLife() async throws {
        try await QuorumSite.run { site, core in
            let (request, signature) = try await site.request(core)
            let chain = try ManifestChain(verifying: try site.directory.readChain().manifests)
            try request.verify(signature: signature, chain: chain, now: site.now)
            try await site.contribute(core, site.quorum.contribution(of: 0, to: request))
            #expect(core.description.faults == ["sealed: 1 of 2 contributed, missing bob, carol"])
            #expect(try await site.code(core) == .sealed)
            try await site.contribute(core, site.quorum.contribution(of: 2, to: request))
            #expect(try await site.signs(core))
            while core.log.status.isCheckpointStale { try await Task.sleep(for: .milliseconds(20)) }
            #expect(core.description.faults.isEmpty && !core.description.isSealed)
            let kinds = try site.entries().map(\.kind)
            #expect(
                kinds.prefix(6) == [
                    .adminManifestInstalled, .adminCoreStarted, .activationRequested, .activationContributed,
                    .activationContributed,
                    .activationCompleted,
                ])
            let people = try site.entries().filter { $0.kind == .activationContributed }.map(\.operator)
            #expect(
                people
                    == [0, 2].map {
                        "\(site.quorum.people[$0].name) \(site.quorum.people[$0].ssh.publicKey.fingerprint)"
                    })
            let activation = core.status.object?["activation"]?.object
            #expect(activation?["activated_by"] == "custodians")
            #expect(activation?["activated_custodians"] == ["alice", "carol"])
        }
    }

    @Test func nothingOfPINSecretOrShareIsOnTheDiskOrInTheLog() async throws {
        try await QuorumSite.run { site, core in
            try await site.activate(core)
            let canaries =
                [Array(site.site.token.pin.utf8), site.quorum.secret.exposed]
                + site.quorum.shares.map { Array($0.encoded.exposed.suffix(32)) }
            let files = try #require(FileManager.default.enumerator(atPath: site.site.directory))
            for case let name as String in files {
                guard let data = FileManager.default.contents(atPath: site.site.directory + "/" + name) else {
                    continue
                }
                for canary in canaries { #expect(data.range(of: Data(canary)) == nil, "\(name)") }
            }
        }
    }

    @Test func aRequestThatRanOutIsLoggedThoughNobodyAsks() async throws {
        try await QuorumSite.run { site, core in
            let (request, _) = try await site.request(core, lifetime: 60)
            try await site.contribute(core, site.quorum.contribution(of: 0, to: request))
            site.site.clock.move(seconds: 61)
            while try site.entries().last?.kind != .activationCancelled { try await Task.sleep(for: .milliseconds(50)) }
            let entry = try #require(try site.entries().last)
            #expect(entry.reason == "ran out" && entry.detail?["contributed"] == "alice")
            await #expect(throws: CoreError(.refused, "")) {
                try await site.contribute(core, site.quorum.contribution(of: 1, to: request))
            }
            #expect(core.isSealed)
        }
    }

    @Test func aCustodianCancelsARequestUnderTheirName() async throws {
        try await QuorumSite.run { site, core in
            let (request, _) = try await site.request(core)
            await #expect(throws: CoreError(.refused, "")) {
                try await site.order(core, "activation-cancel", .cancel, request.hash, by: try SoftwareCustodian("eve"))
            }
            try await site.order(core, "activation-cancel", .cancel, request.hash)
            let entry = try #require(try site.entries().last)
            #expect(entry.kind == .activationCancelled && entry.operator?.hasPrefix("carol SHA256:") == true)
            await #expect(throws: CoreError(.refused, "")) {
                try await site.contribute(core, site.quorum.contribution(of: 0, to: request))
            }
        }
    }

    @Test func contributionsToACoreThatIsActiveAreRefused() async throws {
        try await QuorumSite.run { site, core in
            let (request, _) = try await site.request(core)
            let third = try site.quorum.contribution(of: 2, to: request)
            for index in 0..<2 { try await site.contribute(core, site.quorum.contribution(of: index, to: request)) }
            await #expect(throws: CoreError(.refused, "")) { try await site.contribute(core, third) }
            await #expect(throws: CoreError(.refused, "")) { _ = try await site.request(core) }
            #expect(try await site.signs(core))
        }
    }

    @Test func aRestartedCoreIsSealedAgain() async throws {
        try await QuorumSite.withGenesis { site in
            try await site.running { core in
                try await site.activate(core)
                #expect(try await site.signs(core))
            }
            try await site.running { core in
                #expect(core.isSealed)
                #expect(try await site.code(core) == .sealed)
                try await site.activate(core)
                #expect(try await site.signs(core))
            }
        }
    }
}
