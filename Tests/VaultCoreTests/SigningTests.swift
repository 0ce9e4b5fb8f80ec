import AuditLog
import CoreProtocol
import Crypto
import CryptoExtras
import Custody
import Foundation
import StrictEncoding
import Testing
import VaultCore

@Suite(.timeLimit(.minutes(10))) struct SigningTests {
    @Test("a signature is the key's over exactly the input", arguments: ["es256", "rs256", "eddsa", "ps256"])
    func signature(name: String) async throws {
        try await CoreFixture.run { fixture in
            try await fixture.loadBundle()
            let draft = try fixture.draft("sign-\(name)")
            let record = try await fixture.core.sign(draft.request)
            let key = try fixture.key("sign-\(name)")
            #expect(try Self.isValid(record.signature, draft.input, key))
            #expect(try !Self.isValid(record.signature, draft.input + [0], key))
        }
    }

    @Test func theLeafAtTheReturnedIndexSaysWhatWasSignedByWhichKeyUnderWhichManifest() async throws {
        try await CoreFixture.run { fixture in
            let bundle = try await fixture.loadBundle()
            fixture.site.clock.move(seconds: 5)
            let draft = try fixture.draft()
            var request = draft.request
            // What the front says of these is not believed.
            request.entry.custody = "quorum"
            request.entry.manifestVersion = 99
            request.entry.keyLabel = "other"
            request.entry.time = UnixTime(seconds: 1)
            let record = try await fixture.core.sign(request)
            let leaf = try #require(try fixture.entries().dropFirst(Int(record.index)).first)
            var expected = draft.entry
            expected.custody = "development"
            expected.manifestVersion = 1
            expected.keyLabel = "sign-es256"
            expected.time = fixture.site.clock.now
            #expect(leaf == expected && leaf.bundle == bundle)
        }
    }

    @Test func theRunIsFramedByItsStartAndItsStop() async throws {
        try await CoreSite.withGenesis { site in
            let core = try await site.start()
            let fixture = CoreFixture(site: site, core: core, fatal: FatalErrors())
            try await fixture.loadBundle()
            await core.shutdown()
            let entries = try fixture.entries()
            #expect(entries.map(\.kind) == [.adminCoreStarted, .configLoaded, .adminCoreStopped])
            #expect(entries.allSatisfy { $0.custody == "development" && $0.manifestVersion == 1 })
            let manifest = try site.manifest
            #expect(
                entries[0].detail == [
                    "instance": core.instance, "manifest_hash": manifest.hash, "token": manifest.tokens[0].serial,
                ])
        }
    }

    @Test func aBundleCountsOnceItsLeafIsThereAndOnlyInThisRun() async throws {
        try await CoreSite.withGenesis { site in
            let first = CoreFixture(site: site, core: try await site.start(), fatal: FatalErrors())
            try await refuses(first, try first.draft(), .refused)
            try await first.loadBundle()
            _ = try await first.core.sign(try first.draft().request)
            var other = try first.draft()
            other.bundle = String(repeating: "cd", count: 32)
            try await refuses(first, other, .refused)
            other.bundle = nil
            try await refuses(first, other, .refused)
            await first.core.shutdown()
            let second = CoreFixture(site: site, core: try await site.start(), fatal: FatalErrors())
            try await refuses(second, try second.draft(), .refused)
            await second.core.shutdown()
        }
    }

    @Test("a key that signs no tokens, or none at all, is unknown", arguments: ["tls-gateway", "checkpoint", nil])
    func unknownKeys(label: String?) async throws {
        try await CoreFixture.run { fixture in
            try await fixture.loadBundle()
            var request = try fixture.draft().request
            request.kid = try label.map { try fixture.key($0).kid } ?? "no-such-key"
            let error = await #expect(throws: CoreError.self) { try await fixture.core.sign(request) }
            #expect(error?.code == .unknownKey)
            #expect(try fixture.entries().map(\.kind) == [.adminCoreStarted, .configLoaded])
        }
    }

    @Test func whatTheGateRefusesLeavesNoLeaf() async throws {
        try await CoreFixture.run { fixture in
            try await fixture.loadBundle()
            var draft = try fixture.draft()
            draft.claims["iss"] = "https://other.example"
            try await refuses(fixture, draft, .refused)
            fixture.site.clock.move(seconds: 60)
            let old = try fixture.draft()
            fixture.site.clock.move(seconds: 11)
            try await refuses(fixture, old, .refused)
        }
    }

    @Test func aClockBehindTheLogStopsSigning() async throws {
        try await CoreFixture.run { fixture in
            try await fixture.loadBundle()
            fixture.site.clock.move(seconds: -2)
            try await refuses(fixture, try fixture.draft(), .logUnavailable)
            fixture.site.clock.move(seconds: 2)
            _ = try await fixture.core.sign(try fixture.draft().request)
        }
    }

    @Test func anEntryTheLogWouldNotTakeIsMalformedAndNothingIsReleased() async throws {
        try await CoreFixture.run { fixture in
            try await fixture.loadBundle()
            var request = try fixture.draft().request
            request.entry.reason = "two\nlines"
            let error = await #expect(throws: CoreError.self) { try await fixture.core.sign(request) }
            #expect(error?.code == .malformed)
            #expect(try !fixture.entries().contains { $0.kind == .mint })
        }
    }

    @Test func afterTheShutdownNothingIsSigned() async throws {
        try await CoreSite.withGenesis { site in
            let fixture = CoreFixture(site: site, core: try await site.start(), fatal: FatalErrors())
            try await fixture.loadBundle()
            await fixture.core.shutdown()
            let draft = try fixture.draft()
            let error = await #expect(throws: CoreError.self) { try await fixture.core.sign(draft.request) }
            #expect(error?.code == .sealed)
            #expect(!fixture.core.description.faults.isEmpty)
            #expect(try !fixture.entries().contains { $0.kind == .mint })
        }
    }

    /// The request is refused, and the log is as long as before.
    private func refuses(
        _ fixture: CoreFixture, _ draft: MintDraft, _ code: CoreError.Code,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let before = try fixture.entries().count
        let error = await #expect(throws: CoreError.self, sourceLocation: sourceLocation) {
            try await fixture.core.sign(draft.request)
        }
        #expect(error?.code == code, sourceLocation: sourceLocation)
        #expect(try fixture.entries().count == before, sourceLocation: sourceLocation)
    }

    /// Checks a JWS signature with the public key of the manifest (RFC 7518 section 3, RFC 8037 section 3.1).
    private static func isValid(_ signature: [UInt8], _ input: [UInt8], _ key: ManifestKey) throws -> Bool {
        func number(_ name: String) throws -> [UInt8] {
            try #require(key.jwk[name]?.string.flatMap { Base64URL.decode($0) })
        }
        switch key.algorithm {
        case "ES256":
            let publicKey = try P256.Signing.PublicKey(x963Representation: [4] + number("x") + number("y"))
            return publicKey.isValidSignature(try .init(rawRepresentation: signature), for: input)
        case "EdDSA":
            let publicKey = try Curve25519.Signing.PublicKey(rawRepresentation: number("x"))
            return publicKey.isValidSignature(signature, for: input)
        default:
            let publicKey = try _RSA.Signing.PublicKey(n: number("n"), e: number("e"))
            return publicKey.isValidSignature(
                .init(rawRepresentation: signature), for: SHA256.hash(data: input),
                padding: key.algorithm == "PS256" ? .PSS : .insecurePKCS1v1_5)
        }
    }
}
