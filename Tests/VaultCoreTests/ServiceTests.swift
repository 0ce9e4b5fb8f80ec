import AuditLog
import CoreProtocol
import Crypto
import Custody
import StrictEncoding
import Testing
import VaultCore

@Suite(.timeLimit(.minutes(10))) struct ServiceTests {
    @Test("the front writes denials and configuration loads, and nothing else", arguments: Entry.Kind.allCases)
    func kinds(kind: Entry.Kind) async throws {
        try await CoreFixture.run { fixture in
            var entry = Entry(kind: kind)
            entry.bundle = String(repeating: "ab", count: 32)
            let before = try fixture.entries()
            guard kind == .denied || kind == .configLoaded else {
                let error = await #expect(throws: CoreError.self) { try await fixture.core.append(entry) }
                #expect(error?.code == .refused)
                #expect(try fixture.entries() == before)
                return
            }
            let index = try await fixture.core.append(entry)
            #expect(index == UInt64(before.count))
            #expect(try fixture.entries().last?.kind == kind)
        }
    }

    @Test func whatTheFrontWritesSaysCustodyManifestAndTimeWhateverTheFrontSaid() async throws {
        try await CoreFixture.run { fixture in
            var entry = Entry(kind: .denied)
            entry.user = .init(iss: "https://idp.example", sub: "mallory")
            entry.code = "access_denied"
            entry.custody = "quorum"
            entry.manifestVersion = 99
            entry.keyLabel = "sign-es256"
            entry.time = UnixTime(seconds: 1)
            _ = try await fixture.core.append(entry)
            entry.custody = "development"
            entry.manifestVersion = 1
            entry.keyLabel = nil
            entry.time = fixture.site.clock.now
            #expect(try fixture.entries().last == entry)
        }
    }

    @Test func aConfigurationWithoutABundleIsRefused() async throws {
        try await CoreFixture.run { fixture in
            let error = await #expect(throws: CoreError.self) {
                try await fixture.core.append(Entry(kind: .configLoaded))
            }
            #expect(error?.code == .refused)
        }
    }

    @Test(
        "neither a person's name nor how many denials an entry stands for is the front's to say",
        arguments: ["count", "first", "last", "operator"])
    func author(member: String) async throws {
        try await CoreFixture.run { fixture in
            try await fixture.loadBundle()
            let before = try fixture.entries()
            for kind in [Entry.Kind.denied, .configLoaded] {
                var entry = Entry(kind: kind)
                entry.bundle = String(repeating: "ab", count: 32)
                Self.set(member, of: &entry)
                let written = entry
                let error = await #expect(throws: CoreError.self) { try await fixture.core.append(written) }
                #expect(error?.code == .refused && error?.reason.contains(member) == true)
            }
            var draft = try fixture.draft().request
            Self.set(member, of: &draft.entry)
            let request = draft
            let error = await #expect(throws: CoreError.self) { _ = try await fixture.core.sign(request) }
            #expect(error?.code == .refused && error?.reason.contains(member) == true)
            #expect(try fixture.entries() == before)
        }
    }

    private static func set(_ member: String, of entry: inout Entry) {
        switch member {
        case "count": entry.count = JSONValue.safeIntegers.upperBound
        case "first": entry.first = UnixTime(seconds: 1)
        case "last": entry.last = UnixTime(seconds: 1)
        default: entry.operator = "anna"
        }
    }

    @Test func aDenialWithDetailIsOutsideTheAllowList() async throws {
        try await CoreFixture.run { fixture in
            var entry = Entry(kind: .denied)
            entry.detail = ["token": "secret"]
            let denied = entry
            let error = await #expect(throws: CoreError.self) { try await fixture.core.append(denied) }
            #expect(error?.code == .malformed && error?.reason.contains("secret") == false)
        }
    }

    private static let handshake =
        [UInt8](repeating: 0x20, count: 64) + Array("TLS 1.3, server CertificateVerify".utf8) + [0]
        + [UInt8](repeating: 7, count: 32)

    @Test("a listener's key signs a handshake in the form TLS wants", arguments: ["tls-gateway", "tls-public"])
    func handshakes(label: String) async throws {
        try await CoreFixture.run { fixture in
            let signature = try await fixture.core.tlsSign(key: fixture.key(label).kid, data: Self.handshake)
            let jwk = try fixture.key(label).jwk
            let x = try #require(jwk["x"]?.string.flatMap { Base64URL.decode($0) })
            let y = try #require(jwk["y"]?.string.flatMap { Base64URL.decode($0) })
            let key = try P256.Signing.PublicKey(x963Representation: [4] + x + y)
            #expect(key.isValidSignature(try .init(derRepresentation: signature), for: Self.handshake))
        }
    }

    @Test(
        "no other key signs a handshake, and no listener's key signs anything else",
        arguments: [
            ("sign-es256", handshake, CoreError.Code.unknownKey), ("checkpoint", handshake, .unknownKey),
            ("", handshake, .unknownKey), ("TLS-GATEWAY", handshake, .unknownKey),
            ("tls-gateway", Array(handshake.dropLast()), .refused), ("tls-gateway", [], .refused),
            ("tls-gateway", Array("eyJhbGciOiJFUzI1NiJ9.e30".utf8), .refused),
        ])
    func refusedHandshakes(label: String, data: [UInt8], code: CoreError.Code) async throws {
        try await CoreFixture.run { fixture in
            let kid = (try? fixture.key(label).kid) ?? label
            let error = await #expect(throws: CoreError.self) {
                try await fixture.core.tlsSign(key: kid, data: data)
            }
            #expect(error?.code == code)
        }
    }

    @Test func theDescriptionShowsEveryKeyOfTheManifestAndNoFault() async throws {
        try await CoreFixture.run { fixture in
            let description = try await fixture.core.describe()
            let manifest = fixture.core.manifest
            #expect(description.faults.isEmpty && description.instance == fixture.core.instance)
            #expect(description.appliance == manifest.appliance && description.custody == "development")
            #expect(description.keys.map(\.kid) == manifest.keys.map(\.kid))
            #expect(description.keys.map(\.jwk) == manifest.keys.map(\.jwk))
            #expect(description.keys.allSatisfy { $0.isAvailable && $0.token == manifest.tokens[0].serial })
            #expect(description.warnings.isEmpty && description.tokens.map(\.serial) == [manifest.tokens[0].serial])
            #expect(description.tokens.allSatisfy { $0.isReady && $0.figures["lanes"] == 2 })
            #expect(description.keys.map(\.maximumLifetime) == manifest.keys.map { $0.gate?.maximumLifetime })
            #expect(description.figures["hsm_lanes"] == 2 && description.figures["log_size"] == 1)
        }
    }
}
