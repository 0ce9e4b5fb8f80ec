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

/// What must not bring a core to life, and must leave it as it was.
@Suite(.timeLimit(.minutes(10))) struct ActivationMaliceTests {
    /// A contribution that is refused, with the words that name what is wrong with it.
    struct Attempt: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let words: String
        let make:
            @Sendable (QuorumSite, VaultCore, ActivationRequest) async throws -> (file: [UInt8], signature: String)
    }

    @Test func aFloodOfRequestsByOneUserLeavesTheOthersAndTheLeafSaysWhoAsked() async throws {
        try await QuorumSite.run { site, core in
            let (request, _) = try await site.request(core)
            for _ in 0..<20 {
                _ = try await core.execute(
                    ByteBuffer(json: ["command": "activation-request", "operator": "anna"]), of: 4711)
            }
            try await site.contribute(core, site.quorum.contribution(of: 0, to: request))
            let leaves = try site.entries().filter { $0.kind == .activationRequested }
            #expect(leaves.first?.operator == "root")
            #expect(leaves.first?.detail?["as_said_by"] == "admin user \(getuid())")
            #expect(leaves.last?.operator == "anna" && leaves.last?.detail?["as_said_by"] == "admin user 4711")
        }
    }

    static let attempts = [
        Attempt(testDescription: "the same custodian twice", words: "alice has contributed already") {
            site, _, request in
            try site.quorum.contribution(of: 0, to: request)
        },
        Attempt(
            testDescription: "a custodian's second share under another's name",
            words: "not the one that was made for bob"
        ) {
            site, _, request in
            try site.quorum.contribution(of: 0, to: request, signer: site.quorum.people[1])
        },
        Attempt(testDescription: "a share of another epoch", words: "epoch 9") { site, core, request in
            let shares = try Share.make(
                of: site.quorum.secret, appliance: core.manifest.appliance, epoch: 9, threshold: 2, count: 3)
            return try site.quorum.contribution(of: 1, to: request, share: shares[1].encoded)
        },
        Attempt(testDescription: "a share with one bit changed", words: "not the one that was made for bob") {
            site, _, request in
            var bytes = site.quorum.shares[1].encoded.exposed
            bytes[bytes.count - 1] ^= 1
            return try site.quorum.contribution(of: 1, to: request, share: try LockedBytes(copying: bytes))
        },
        Attempt(testDescription: "a share of another appliance", words: "another appliance") { site, _, request in
            let shares = try Share.make(
                of: site.quorum.secret, appliance: String(repeating: "0f", count: 16), epoch: 1, threshold: 2, count: 3)
            return try site.quorum.contribution(of: 1, to: request, share: shares[1].encoded)
        },
        Attempt(testDescription: "a stranger", words: "belongs to none of") { site, _, request in
            try site.quorum.contribution(of: 1, to: request, signer: try SoftwareCustodian("mallory"))
        },
        Attempt(testDescription: "an approver, who is no custodian", words: "belongs to none of") { site, _, request in
            try site.quorum.contribution(of: 1, to: request, signer: site.quorum.approvers[0])
        },
        Attempt(testDescription: "a contribution to a request that is not open here", words: "not open here") {
            site, _, request in
            var other = request
            other.nonce = String(repeating: "0", count: 32)
            return try site.quorum.contribution(of: 1, to: other)
        },
        Attempt(testDescription: "a file that was changed after it was signed", words: "over these bytes") {
            site, _, request in
            let right = try site.quorum.contribution(of: 1, to: request)
            return (right.file + [0x20], right.signature)
        },
        Attempt(testDescription: "a signature that was made for something else", words: "not for a contribution") {
            site, _, request in
            let right = try site.quorum.contribution(of: 1, to: request)
            return (right.file, try site.quorum.people[1].sign(right.file, .order))
        },
    ]

    @Test("is refused, named, and changes nothing", arguments: attempts)
    func refused(attempt: Attempt) async throws {
        try await QuorumSite.run { site, core in
            let (request, _) = try await site.request(core)
            try await site.contribute(core, site.quorum.contribution(of: 0, to: request))
            let before = try site.entries().count
            do {
                try await site.contribute(core, try await attempt.make(site, core, request))
                Issue.record("it was taken")
            } catch let error as CoreError {
                #expect(error.code == .refused && error.reason.contains(attempt.words), "\(error)")
            }
            #expect(core.isSealed && core.hsms.open.isEmpty)
            #expect(try site.entries().count == before)
            #expect(core.description.faults == ["sealed: 1 of 2 contributed, missing bob, carol"])
            // The right one is still welcome.
            try await site.contribute(core, site.quorum.contribution(of: 1, to: request))
            #expect(try await site.signs(core))
        }
    }

    @Test func aContributionIsNoGoodAfterARestart() async throws {
        try await QuorumSite.withGenesis { site in
            var shares: [(file: [UInt8], signature: String)] = []
            try await site.running { core in
                let (request, _) = try await site.request(core)
                shares = try (0..<2).map { try site.quorum.contribution(of: $0, to: request) }
                try await site.contribute(core, shares[0])
            }
            try await site.running { core in
                for share in shares {
                    await #expect(throws: CoreError(.refused, "")) { try await site.contribute(core, share) }
                }
                #expect(core.isSealed)
            }
        }
    }

    @Test func sealedPINsThatWereTamperedWithLeaveTheCoreSealedAndNameTheToken() async throws {
        try await QuorumSite.withGenesis { site in
            let file = site.directory.pinsFile(epoch: 1)
            let serial = try site.directory.readChain().current.tokens[0].serial
            let foreign = try SoftwareQuorum(appliance: try site.directory.readChain().current.appliance)
            let pins = try foreign.wrapped([serial: Array(site.site.token.pin.utf8)], epoch: 1)
            try Data(pins.bytes).write(to: URL(filePath: file))
            try await site.running { core in
                try await site.stays(sealed: core, saying: "sealed PIN of token \(serial)")
            }
        }
    }

    @Test func aPINThatTheTokenRefusesIsTriedOnceAndNamed() async throws {
        try await QuorumSite.withGenesis(spoilsToken: true) { site in
            let serial = try site.directory.readChain().current.tokens[0].serial
            // A PIN that no other test has tried on a token that is lent: the process remembers what was refused.
            let pins = try site.quorum.wrapped([serial: Array("not-the-sealed-pin".utf8)], epoch: 1)
            try Data(pins.bytes).write(to: URL(filePath: site.directory.pinsFile(epoch: 1)))
            try await site.running { core in
                try await site.stays(sealed: core, saying: "pinRefused")
                // The second time the bridge does not even ask the token.
                try await site.stays(sealed: core, saying: "pinKnownBad")
            }
        }
    }

    @Test func anotherTokenWithTheSameLabelNeverSeesAPIN() async throws {
        try await QuorumSite.withGenesis(
            spoilsToken: true,
            changing: { manifest in
                // As the manifest was signed, the label belonged to a token with another serial number.
                manifest.tokens[0].serial = "0123456789abcdef"
                for index in manifest.keys.indices { manifest.keys[index].token = "0123456789abcdef" }
            }
        ) { site in
            let pins = try site.quorum.wrapped(["0123456789abcdef": Array("nobodys-pin".utf8)], epoch: 1)
            try Data(pins.bytes).write(to: URL(filePath: site.directory.pinsFile(epoch: 1)))
            try await site.running { core in
                // Nobody is even called for it.
                let refusal = await #expect(throws: CoreError(.refused, "")) { _ = try await site.request(core) }
                #expect(refusal?.reason.contains("does not name the token with serial") == true)
            }
            let manifest = try site.directory.readChain().current
            let pin = try LockedBytes(copying: Array("nobodys-pin".utf8))
            let fault = await #expect(throws: StartError.self) {
                _ = try await HSM.open(
                    site.site.settings.tokens[0], settings: site.site.settings, manifest: manifest,
                    quarantine: KeyQuarantine()
                ) { (serial) throws(HSMError) in serial == "0123456789abcdef" ? pin : nil }
            }
            #expect(fault?.problem.contains("does not name the token with serial") == true)
            // Had the PIN been tried, the bridge would know it and say so before it asks the token.
            let refusal = await #expect(throws: HSMError.self) {
                try await HSM.open(
                    modulePath: site.site.settings.tokens[0].module, token: TokenURI(site.site.token.uri),
                    pin: PIN(Array("nobodys-pin".utf8)))
            }
            #expect(refusal?.code == .pinRefused)
        }
    }

    @Test func aKeyWithTheRightLabelThatIsNotTheManifestsIsRefused() async throws {
        try await QuorumSite.withGenesis(changing: { manifest in
            let first = manifest.keys.firstIndex { $0.label == "sign-es256" } ?? 0
            let other = manifest.keys.firstIndex { $0.label == "tls-gateway" } ?? 1
            (manifest.keys[first].jwk, manifest.keys[other].jwk) = (manifest.keys[other].jwk, manifest.keys[first].jwk)
            (manifest.keys[first].kid, manifest.keys[other].kid) = (manifest.keys[other].kid, manifest.keys[first].kid)
        }) { site in
            try await site.running { core in try await site.stays(sealed: core, saying: "keyMismatch") }
        }
    }

    @Test func anOlderManifestThanTheLogKnowsStopsTheStart() async throws {
        try await QuorumSite.withGenesis { site in
            let first = try site.directory.readChain().current
            let second = try site.quorum.successor(of: first, at: site.now)
            try site.directory.add(second)
            try await site.running { core in #expect(core.manifest.version == 2) }
            try FileManager.default.removeItem(atPath: site.directory.manifestFile(2))
            let older = await #expect(throws: StartError.self) { _ = try await site.start() }
            #expect(older?.problem.contains("version 1, but the log knows version 2") == true)
            // Another second version, signed by the same custodians, is not the one that was in force.
            let other = try site.quorum.successor(of: first, at: site.now) { $0.dials.restartGrace = 60 }
            try site.directory.add(other)
            let forked = await #expect(throws: StartError.self) { _ = try await site.start() }
            #expect(forked?.problem.contains("another one than the log knows") == true)
        }
    }

    @Test(
        "a chain that custodians did not sign, another host's key, or no sealed PINs stop the start",
        arguments: ["unsigned", "one signature", "strangers", "host key", "no PINs", "missing"])
    func badCustody(what: String) async throws {
        try await QuorumSite.withGenesis { site in
            let first = try site.directory.readChain().current
            let strangers = try SoftwareQuorum(appliance: first.appliance)
            switch what {
            case "unsigned":
                var next = try site.quorum.successor(of: first, at: site.now)
                next.signatures = []
                try site.directory.add(next)
            case "one signature":
                try site.directory.add(
                    try site.quorum.successor(of: first, at: site.now, by: [site.quorum.people[0]]))
            case "strangers": try site.directory.add(try strangers.successor(of: first, at: site.now))
            case "host key":
                try FileManager.default.removeItem(atPath: site.directory.hostKeyFile)
                _ = try site.directory.createHostKey()
            case "no PINs": try FileManager.default.removeItem(atPath: site.directory.pinsFile(epoch: 1))
            default: try FileManager.default.removeItem(atPath: site.directory.manifestFile(1))
            }
            let error = await #expect(throws: StartError.self) { _ = try await site.start() }
            #expect(error?.file == site.directory.path)
        }
    }
}

extension QuorumSite {
    /// Two custodians contribute, and the core stays sealed for a reason that is said, shown and logged.
    func stays(sealed core: VaultCore, saying words: String) async throws {
        do {
            try await activate(core)
            Issue.record("the core came to life")
        } catch let error as CoreError {
            #expect(error.code == .refused && error.reason.contains(words), "\(error)")
        }
        #expect(core.isSealed && core.hsms.open.isEmpty && core.hsms.activatedPINs == nil)
        #expect(core.description.faults[0].contains(words))
        let last = try #require(try entries().last { $0.kind == .activationCancelled })
        #expect(last.reason?.contains(words) == true)
        #expect(!String(decoding: JSONWriter.canonical(core.status), as: UTF8.self).contains(site.token.pin))
    }
}
