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

/// Sealed secrets in a core: opened for one recorded use at a time, and never from any envelope but the current one.
@Suite(.timeLimit(.minutes(10))) struct SecretTests {
    private func run(_ body: (SecretsOfACore) async throws -> Void) async throws {
        try await CoreFixture.run { fixture in
            try await fixture.loadBundle()
            try await body(SecretsOfACore(fixture: fixture))
        }
    }

    @Test func aSecretIsOpenedForOneRecordedUse() async throws {
        try await run { secrets in
            let envelope = try secrets.envelope()
            try await secrets.store(envelope)
            let opened = try await secrets.open()
            #expect(opened.bytes == SecretsOfACore.value && opened.version == 1)
            #expect("\(opened.value)" == "<redacted>")
            let entries = try secrets.fixture.entries()
            let sealed = try #require(entries.first { $0.kind == .secretSealed })
            #expect(sealed.secret == "crm" && sealed.secretVersion == 1 && sealed.inputSHA256 == envelope.hash)
            #expect(sealed.operator == nil && sealed.custody == "development")
            let leaf = entries[Int(opened.index)]
            #expect(leaf.kind == .secretOpened && leaf.client == "gateway" && leaf.target == "crm")
            #expect(leaf.requestID == "request-1" && leaf.secret == "crm" && leaf.secretVersion == 1)
            #expect(leaf.inputSHA256 == envelope.hash && leaf.user?.sub == "alice")
            // Each use is a leaf of its own.
            #expect(try await secrets.open().index > opened.index)
            #expect(secrets.fixture.core.status.object?["secrets"] == ["count": 1, "signed": false])
        }
    }

    @Test func theValueIsNowhereOnDiskAndNotOnTheSocket() async throws {
        try await run { secrets in
            try await secrets.store(try secrets.envelope())
            try await secrets.fixture.serving {
                let connection = try await secrets.fixture.connect(secrets.fixture.site.settings.frontSocket)
                let session = CoreSession(connection: connection)
                let opened = try await session.open(SecretsOfACore.request())
                #expect(opened.bytes == SecretsOfACore.value && opened.version == 1)
                connection.close()
                try await FrameClient.run(secrets.fixture.site.settings.frontSocket) { client, frames in
                    try await client.send(.open, SecretPassage().payload(SecretsOfACore.request()))
                    let answer = try #require(try await frames.next())
                    #expect(answer.kind == .success)
                    let bytes = Array(answer.payload.readableBytesView)
                    #expect(bytes.count > SecretsOfACore.value.count)
                    #expect(!String(decoding: bytes, as: UTF8.self).contains("canary"))
                }
                try await FrameClient.run(secrets.fixture.site.settings.adminSocket) { client, frames in
                    try await client.send(.open, SecretPassage().payload(SecretsOfACore.request()))
                    let answer = try await frames.next()
                    #expect(answer?.kind == .failure)
                }
            }
            let grep = try Command.run(["grep", "-rl", "secret-canary", secrets.fixture.site.directory])
            #expect(grep.status == 1 && grep.output.isEmpty, "\(grep.output)")
        }
    }

    @Test func whatDoesNotSayWhoAndWhatForIsRefused() async throws {
        try await run { secrets in
            try await secrets.store(try secrets.envelope())
            let faults: [(String, (inout Entry) -> Void)] = [
                ("kind", { $0.kind = .mint }), ("client", { $0.client = nil }), ("request", { $0.requestID = nil }),
                ("target", { $0.target = nil }), ("secret", { $0.secret = nil }), ("name", { $0.secret = "../crm" }),
                ("empty client", { $0.client = "" }), ("operator", { $0.operator = "alice" }),
                ("bundle", { $0.bundle = nil }), ("other bundle", { $0.bundle = String(repeating: "cd", count: 32) }),
                ("unknown", { $0.secret = "erp" }), ("version", { $0.secretVersion = 2 }),
                ("hash", { $0.inputSHA256 = "x" }),
            ]
            for (name, change) in faults {
                #expect(await secrets.code { _ = try await secrets.open("crm", change) } == .refused, "\(name)")
            }
            #expect(await secrets.code { _ = try await secrets.open { $0.secretVersion = 1 } } == nil)
            // The front may not write such a leaf by itself.
            var entry = SecretsOfACore.request().entry
            entry.secretVersion = 1
            #expect(await secrets.code { _ = try await secrets.fixture.core.append(entry) } == .refused)
            #expect(try secrets.fixture.entries().count { $0.kind == .secretOpened } == 1)
        }
    }

    @Test func nothingIsOpenedForWhoIsCutOff() async throws {
        try await run { secrets in
            try await secrets.store(try secrets.envelope())
            for kind in ["user", "client", "target"] {
                var stop = Entry(kind: .cutoff)
                stop.subject = .init(
                    iss: nil, sub: ["user": "alice", "client": "gateway", "target": "crm"][kind] ?? "")
                stop.subjectType = kind
                stop.until = secrets.fixture.site.clock.now.seconds + 60
                secrets.fixture.core.revocations.add(stop, now: secrets.fixture.site.clock.now.seconds)
                #expect(await secrets.code { _ = try await secrets.open() } == .cutOff, "\(kind)")
                secrets.fixture.site.clock.move(seconds: 120)
                #expect(await secrets.code { _ = try await secrets.open() } == nil, "\(kind)")
            }
        }
    }

    /// What somebody with the disk can do to an envelope.
    enum Malice: String, CaseIterable, Sendable {
        case changed, rolledBack, swapped, foreign, deleted, garbage, keysOfAnother

        func apply(_ secrets: SecretsOfACore, first: SealedSecret, other: SealedSecret) throws {
            let file = secrets.file()
            switch self {
            case .changed:
                var bytes = try Data(contentsOf: file)
                let place = try #require(bytes.firstRange(of: Data("\"wrapped\":\"".utf8))?.upperBound)
                bytes[place] = bytes[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
                try bytes.write(to: file)
            case .rolledBack: try Data(first.bytes).write(to: file)
            case .swapped: try Data(other.bytes).write(to: file)
            case .foreign:
                let foreign = try secrets.envelope(version: 2) { $0.appliance = String(repeating: "f", count: 32) }
                try Data(foreign.bytes).write(to: file)
            case .deleted: try FileManager.default.removeItem(at: file)
            case .garbage: try Data("{}\n".utf8).write(to: file)
            case .keysOfAnother:
                var object = try #require(JSONParser.parse([UInt8](Data(contentsOf: file)).dropLast() + []).object)
                object["keys"] = try #require(JSONParser.parse(Array(other.bytes.dropLast())).object)["keys"]
                try Data(JSONWriter.canonical(.object(object)) + [0x0A]).write(to: file)
            }
        }
    }

    @Test(arguments: Malice.allCases)
    func anEnvelopeThatIsNotTheCurrentOneIsRefusedAndRecorded(malice: Malice) async throws {
        try await run { secrets in
            let (first, second) = (try secrets.envelope(), try secrets.envelope(version: 2))
            let other = try secrets.envelope("erp")
            try await secrets.store(first)
            try await secrets.store(other)
            try await secrets.store(second, rotate: true)
            try malice.apply(secrets, first: first, other: other)
            #expect(await secrets.code { _ = try await secrets.open() } == .refused)
            let refusal = try #require(try secrets.fixture.entries().last { $0.kind == .denied })
            #expect(refusal.code == "secret_refused" && refusal.secret == "crm" && refusal.secretVersion == 2)
            #expect(refusal.client == "gateway" && refusal.reason?.contains("secret:") == true)
            let listed = try await secrets.command(["command": "secret-list"]).object?["secrets"]?.array ?? []
            #expect(listed.first?.object?["problem"]?.string != nil && listed.last?.object?["problem"] == .null)
            #expect(try await secrets.open("erp").bytes == SecretsOfACore.value)
            try Data(second.bytes).write(to: secrets.file())
            #expect(try await secrets.open().version == 2)
        }
    }

    @Test func onlyTheNextVersionIsTakenOver() async throws {
        try await run { secrets in
            let first = try secrets.envelope()
            #expect(await secrets.code { try await secrets.store(first, rotate: true) } == .refused)
            #expect(await secrets.code { try await secrets.store(try secrets.envelope(version: 2)) } == .refused)
            try await secrets.store(first)
            #expect(await secrets.code { try await secrets.store(first) } == .refused)
            #expect(await secrets.code { try await secrets.store(first, rotate: true) } == .refused)
            #expect(
                await secrets.code { try await secrets.store(try secrets.envelope(version: 3), rotate: true) }
                    == .refused)
            let next = Array("the-next-value".utf8)
            try await secrets.store(try secrets.envelope(version: 2, next), rotate: true)
            #expect(try await secrets.open().bytes == next)
            #expect(await secrets.code { _ = try await secrets.open { $0.secretVersion = 1 } } == .refused)
            #expect(try secrets.fixture.entries().count { $0.kind == .secretRotated } == 1)
        }
    }

    @Test func whatIsRemovedIsGoneAndItsNameCountsOn() async throws {
        try await run { secrets in
            let first = try secrets.envelope()
            try await secrets.store(first)
            #expect(await secrets.code { try await secrets.remove(version: 2) } == .refused)
            try await secrets.remove()
            #expect(!FileManager.default.fileExists(atPath: secrets.file().path))
            #expect(await secrets.code { _ = try await secrets.open() } == .refused)
            try Data(first.bytes).write(to: secrets.file())
            #expect(await secrets.code { _ = try await secrets.open() } == .refused)
            #expect(await secrets.code { try await secrets.store(first) } == .refused)
            try await secrets.store(try secrets.envelope(version: 2))
            #expect(try await secrets.open().version == 2)
            #expect(try secrets.fixture.entries().contains { $0.kind == .secretRemoved && $0.secretVersion == 1 })
        }
    }

    @Test func anEnvelopeThatTheTokenCouldNotOpenIsNotTakenOver() async throws {
        try await run { secrets in
            let good = try secrets.envelope()
            let strange = try OtherKey.shared.key(of: good.keys[0].token)
            let foreign = try secrets.envelope { manifest in
                for index in manifest.keys.indices where manifest.keys[index].purpose == .kek {
                    (manifest.keys[index].jwk, manifest.keys[index].kid) = (strange.jwk, strange.kid)
                }
            }
            #expect(await secrets.code { try await secrets.store(foreign) } == .refused)
            // Under the right name, but wrapped to another key.
            var object = try #require(JSONParser.parse(Array(foreign.bytes.dropLast())).object)
            let text = String(decoding: JSONWriter.canonical(object["keys"] ?? .null), as: UTF8.self)
            object["keys"] = try JSONParser.parse(Array(text.replacing(strange.kid, with: good.keys[0].kid).utf8))
            let posing = try SealedSecret(file: JSONWriter.canonical(.object(object)) + [0x0A])
            #expect(await secrets.code { try await secrets.store(posing) } == .refused)
            let old = try secrets.envelope { $0.version = 7 }
            #expect(await secrets.code { try await secrets.store(old) } == .refused)
            #expect(try secrets.fixture.entries().allSatisfy { $0.kind != .secretSealed })
            #expect(!FileManager.default.fileExists(atPath: secrets.file().path))
        }
    }

    /// A core that has one secret in two versions, and had another; it has stopped.
    private func aRun(_ site: CoreSite) async throws -> ([SealedSecret], SecretsOfACore) {
        let core = try await site.start()
        let secrets = SecretsOfACore(fixture: CoreFixture(site: site, core: core, fatal: FatalErrors()))
        let envelopes = [try secrets.envelope(), try secrets.envelope(version: 2), try secrets.envelope("erp")]
        try await secrets.store(envelopes[0])
        try await secrets.store(envelopes[1], rotate: true)
        try await secrets.store(envelopes[2])
        try await secrets.remove("erp")
        await core.shutdown()
        return (envelopes, secrets)
    }

    @Test func theLogDecidesAfterARestart() async throws {
        try await CoreSite.withGenesis { site in
            let (envelopes, _) = try await aRun(site)
            let second = try await site.start()
            let fixture = CoreFixture(site: site, core: second, fatal: FatalErrors())
            let secrets = SecretsOfACore(fixture: fixture)
            try await fixture.loadBundle()
            #expect(try await secrets.open().version == 2)
            #expect(await secrets.code { _ = try await secrets.open("erp") } == .refused)
            try Data(envelopes[0].bytes).write(to: secrets.file())
            #expect(await secrets.code { _ = try await secrets.open() } == .refused)
            // A crash between leaf and file: the new envelope lies beside the old one, and is the current one.
            try Data(envelopes[1].bytes).write(to: URL(filePath: secrets.file().path + ".next"))
            #expect(try await secrets.open().version == 2)
            #expect(try Data(contentsOf: secrets.file()) == Data(envelopes[1].bytes))
            // A crash before the leaf: what lies beside it never became current.
            try Data(try secrets.envelope(version: 3).bytes).write(to: URL(filePath: secrets.file().path + ".next"))
            #expect(try await secrets.open().version == 2)
            await second.shutdown()
        }
    }

    @Test func aStartEndsWhatACrashLeftBetweenLeafAndFile() async throws {
        try await CoreSite.withGenesis { site in
            let (envelopes, secrets) = try await aRun(site)
            let (crm, erp) = (secrets.file(), secrets.file("erp"))
            let (beside, later) = (crm.path + ".next", try secrets.envelope(version: 3))
            // The leaf is there, and the new envelope not yet in its place; that of a removal, and the file still there.
            try Data(envelopes[0].bytes).write(to: crm)
            try Data(envelopes[1].bytes).write(to: URL(filePath: beside))
            try Data(envelopes[2].bytes).write(to: erp)
            try await site.start().shutdown()
            #expect(try Data(contentsOf: crm) == Data(envelopes[1].bytes))
            #expect(!FileManager.default.fileExists(atPath: beside))
            #expect(!FileManager.default.fileExists(atPath: erp.path))
            // The leaf is not there.
            try Data(later.bytes).write(to: URL(filePath: beside))
            try await site.start().shutdown()
            #expect(try Data(contentsOf: crm) == Data(envelopes[1].bytes))
            #expect(!FileManager.default.fileExists(atPath: beside))
            // Somebody has put an older one in its place: nothing is taken away, whatever it is worth.
            try Data(envelopes[0].bytes).write(to: crm)
            try Data(later.bytes).write(to: URL(filePath: beside))
            try await site.start().shutdown()
            #expect(try Data(contentsOf: crm) == Data(envelopes[0].bytes))
            #expect(FileManager.default.fileExists(atPath: beside))
        }
    }

    @Test func eitherTokenOpensAndSecretsFollowTheTokens() async throws {
        try await SeveralTokens.run(keys: ["sign-es256", "checkpoint", "tls-gateway", "kek"]) { fixture, _ in
            try await fixture.loadBundle()
            let secrets = SecretsOfACore(fixture: fixture)
            let envelope = try secrets.envelope()
            #expect(envelope.keys.count == 2)
            try await secrets.store(envelope)
            // Without the first token the second one opens.
            #expect(await fixture.core.hsms.open[0].shutdown())
            #expect(try await secrets.open().bytes == SecretsOfACore.value)
            // A ceremony takes the first token away: the data key is wrapped to the second alone.
            var next = fixture.core.manifest
            let gone = next.tokens.removeFirst().serial
            next.keys.removeAll { $0.token == gone }
            #expect(try await fixture.core.rewrapSecrets(to: next, ceremony: "remove-1") == 1)
            #expect(try await fixture.core.rewrapSecrets(to: next, ceremony: "remove-1") == 0)
            let file = try SealedSecret(file: Array(try Data(contentsOf: secrets.file())))
            #expect(file.keys.map(\.token) == [next.tokens[0].serial] && file.version == 1)
            #expect(file.signedBytes == envelope.signedBytes)
            #expect(try await secrets.open().bytes == SecretsOfACore.value)
            let leaf = try #require(try fixture.entries().first { $0.kind == .secretRewrapped })
            #expect(leaf.secretVersion == 1 && leaf.inputSHA256 == file.hash && leaf.reason == "ceremony remove-1")
            // And one adds it again, with what the second token opens.
            #expect(try await fixture.core.rewrapSecrets(to: fixture.core.manifest, ceremony: "add-1") == 1)
            #expect(try SealedSecret(file: Array(try Data(contentsOf: secrets.file()))).keys.count == 2)
        }
    }

    @Test func aTokenThatIsAwayIsSaidSo() async throws {
        try await run { secrets in
            try await secrets.store(try secrets.envelope())
            #expect(await secrets.fixture.core.hsms.open[0].shutdown())
            #expect(await secrets.code { _ = try await secrets.open() } == .sealed)
            #expect(try secrets.fixture.entries().allSatisfy { $0.kind != .secretOpened })
        }
    }
}

/// A key encryption key of no token.
private final class OtherKey: Sendable {
    static let shared = OtherKey()

    func key(of token: String) throws -> (jwk: JSONObject, kid: String) {
        // 3072 bits of a number that nobody can factor, and nobody has to.
        let modulus = [UInt8](repeating: 0xC5, count: 384)
        let jwk = JSONObject([
            .init(name: "e", value: "AQAB"), .init(name: "kty", value: "RSA"),
            .init(name: "n", value: .string(Base64URL.string(modulus))),
        ])
        return (jwk, ManifestKey.thumbprint(of: jwk))
    }
}
