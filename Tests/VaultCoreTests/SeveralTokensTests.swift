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

/// Several tokens, each with keys of its own: one stands in for another, and none is missed longer than it has to be.
@Suite(.timeLimit(.minutes(10))) struct SeveralTokensTests {
    @Test func eachTokenHasKeysOfItsOwnUnderTheSameLabels() async throws {
        try await SeveralTokens.withGenesis { several in
            let manifest = try several.site.manifest
            #expect(manifest.tokens.map(\.label) == several.tokens.map(\.label))
            #expect(manifest.keys.count == 6 && Set(manifest.keys.map(\.kid)).count == 6)
            for token in manifest.tokens {
                let labels = manifest.keys.filter { $0.token == token.serial }.map(\.label)
                #expect(labels == several.site.settings.keys.map(\.label))
            }
        }
    }

    @Test func eitherTokenSignsForTheSameLabel() async throws {
        try await SeveralTokens.run { fixture, _ in
            try await fixture.loadBundle()
            let description = fixture.core.description
            #expect(description.faults.isEmpty && description.warnings.isEmpty && description.tokens.count == 2)
            for key in fixture.core.manifest.keys where key.purpose == .signing {
                let draft = MintDraft(key: key, now: fixture.site.clock.now)
                let record = try await fixture.core.sign(draft.request)
                #expect(try fixture.entries()[Int(record.index)].kid == key.kid)
            }
            #expect(fixture.core.status.object?["state"] == "active")
        }
    }

    /// How a token can be away when the core starts.
    enum Absence: String, CaseIterable {
        case missing, noModule, wrongPIN, noPINFile

        func apply(_ several: inout SeveralTokens) throws {
            switch self {
            case .missing: several.site.settings.tokens[0].uri = "pkcs11:token=no-such-token"
            case .noModule: several.site.settings.tokens[0].module = several.site.directory + "/none.so"
            case .wrongPIN: try several.site.setPINFile("not-the-pin")
            case .noPINFile: several.site.settings.tokens[0].pinFile = several.site.directory + "/none"
            }
        }
    }

    @Test("a token that is away at the start is a warning, and the other one signs", arguments: Absence.allCases)
    func awayAtStart(absence: Absence) async throws {
        try await SeveralTokens.run(changing: { try absence.apply(&$0) }) { fixture, several in
            try await fixture.loadBundle()
            let core = fixture.core
            #expect(core.description.faults.isEmpty)
            #expect(core.description.warnings.contains { $0.contains("is not open: ") && $0.contains("hsm.tokens[0]") })
            #expect(!core.description.warnings.joined().contains(several.tokens[0].pin))
            #expect(core.status.object?["state"] == "degraded")
            #expect(core.description.tokens.map(\.isReady) == [false, true])
            let (away, there) = (core.manifest.keys[0], core.manifest.keys[3])
            let signing = core.description.keys.filter { $0.purpose == "signing" }
            #expect(signing.map(\.isAvailable) == [false, true])
            _ = try await core.sign(MintDraft(key: there, now: fixture.site.clock.now).request)
            let before = try fixture.entries()
            let error = await #expect(throws: CoreError.self) {
                try await core.sign(MintDraft(key: away, now: fixture.site.clock.now).request)
            }
            #expect(error?.code == .hsmUnavailable && error?.retryAfter != nil)
            #expect(try fixture.entries() == before)
        }
    }

    @Test func theStartFailsWithTheFirstFaultWhenNoTokenIsThere() async throws {
        try await SeveralTokens.withGenesis { several in
            var site = several.site
            site.settings.tokens[0].uri = "pkcs11:token=no-such-token"
            site.settings.tokens[1].uri = "pkcs11:token=nor-this-one"
            let faulty = site
            let error = await #expect(throws: StartError.self) { _ = try await faulty.start() }
            #expect(error?.field == "hsm.tokens[0].token" && error?.problem.hasPrefix("tokenNotFound") == true)
        }
    }

    @Test func aTokenURIThatIsNoneStopsTheStartEvenIfTheOtherTokenWouldDo() async throws {
        try await SeveralTokens.withGenesis { several in
            var site = several.site
            site.settings.tokens[1].uri = "second"
            let faulty = site
            let error = await #expect(throws: StartError.self) { _ = try await faulty.start() }
            #expect(error?.field == "hsm.tokens[1].token" && error?.problem.hasPrefix("uriMalformed") == true)
            try await several.site.start().shutdown()
        }
    }

    @Test func oneTokenUnderTwoNamesIsUsedOnce() async throws {
        let change: (inout SeveralTokens) throws -> Void = { several in
            several.site.settings.tokens[1].module = several.site.settings.tokens[0].module
            several.site.settings.tokens[1].uri = several.tokens[0].uri
        }
        try await SeveralTokens.run(changing: change) { fixture, several in
            let core = fixture.core
            // A token that is slow to open is still on its way.
            while !core.description.warnings.contains(where: { $0.contains("tokenInUse") }) {
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(core.hsms.open.count == 1)
            let serial = core.hsms.open[0].profile.info.serial
            #expect(core.description.keys.filter(\.isAvailable).allSatisfy { $0.token == serial })
        }
    }

    @Test func aTokenThatComesLaterIsOpenedAndUsed() async throws {
        let change: (inout SeveralTokens) throws -> Void = { several in
            several.site.settings.tokens[0].pinFile = several.site.directory + "/later"
        }
        try await SeveralTokens.run(changing: change) { fixture, several in
            try await fixture.loadBundle()
            #expect(fixture.core.description.tokens.map(\.isReady) == [false, true])
            try several.site.write(several.tokens[0].pin + "\n", to: several.site.directory + "/later")
            // Its checkpoint key is missed until it has signed a checkpoint, and there is none without another entry.
            while !fixture.core.description.warnings.isEmpty {
                try await fixture.loadBundle()
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(fixture.core.status.object?["state"] == "active")
            _ = try await fixture.core.sign(try fixture.draft().request)
            // The preferred token is the first again, although it came last.
            let first = fixture.core.manifest.tokens[0].serial
            #expect(fixture.core.keys.checkpoints.first?.manifest.token == first)
        }
    }

    @Test func whenATokenIsLostItsKeysAreUnavailableAndTheLogGoesOnUnderTheOtherCheckpointKey() async throws {
        try await SeveralTokens.run { fixture, several in
            try await fixture.loadBundle()
            let core = fixture.core
            _ = await core.hsms.open[0].shutdown()
            let description = core.description
            #expect(description.tokens.map(\.isReady) == [false, true] && description.faults.isEmpty)
            #expect(description.keys.map(\.isAvailable) == [false, false, false, true, true, true])
            let key = core.manifest.keys[3]
            let index = try await core.sign(MintDraft(key: key, now: fixture.site.clock.now).request).index
            while core.log.status.checkpoint?.size ?? 0 <= index { try await Task.sleep(for: .milliseconds(5)) }
            #expect(core.description.faults.isEmpty)
            await core.shutdown()
            let vkeys = try String(contentsOfFile: core.settings.logDirectory + ".vkey", encoding: .utf8)
            let keys = try vkeys.split(separator: "\n").map { try VerifierKey(parsing: String($0)) }
            #expect(keys.count == 2)
            let report = try LogVerifier.verify(directory: core.settings.logDirectory, verifierKeys: keys)
            #expect(report.signers.count == 1)
        }
    }

    @Test func aLogThatOneTokenHasSignedIsOpenedByTheOther() async throws {
        try await SeveralTokens.withGenesis { several in
            var (first, second) = (several.site, several.site)
            first.settings.tokens[1].pinFile = several.site.directory + "/none"
            second.settings.tokens[0].pinFile = several.site.directory + "/none"
            for site in [first, second, first] { try await site.start().shutdown() }
            try await several.site.start().shutdown()
        }
    }

    @Test func aKeyOfTheSameLabelWithAnotherGateStopsTheStart() async throws {
        try await SeveralTokens.withGenesis { several in
            try several.site.changeManifest { $0.keys[3].gate?.maximumLifetime = 1 }
            let error = await #expect(throws: StartError.self) { _ = try await several.site.start() }
            #expect(error?.field == "keys[3] (sign-es256)")
        }
    }

    @Test func aRequestForACertificateIsForTheTokenItNames() async throws {
        try await SeveralTokens.run { fixture, several in
            let labels = several.tokens.map(\.label)
            let points = try fixture.core.manifest.keys.filter { $0.label == "tls-gateway" }.map { key in
                try #require(key.jwk["x"]?.string.flatMap { Base64URL.decode($0) })
            }
            for (token, index) in [(nil, 0), (labels[0], 0), (labels[1], 1)] {
                var command = JSONObject([
                    .init(name: "command", value: "tls-csr"), .init(name: "key", value: "tls-gateway"),
                    .init(name: "dns", value: ["vault.example"]), .init(name: "ip", value: []),
                ])
                command["token"] = token.map { .string($0) }
                let answer = try await fixture.core.execute(ByteBuffer(json: .object(command)))
                let pem = try #require(answer.object?["csr"]?.string)
                let base64 = pem.split(separator: "\n").filter { !$0.hasPrefix("-") }.joined()
                let der = try #require(Data(base64Encoded: base64))
                #expect(der.firstRange(of: Data(points[index])) != nil)
            }
        }
    }
}
