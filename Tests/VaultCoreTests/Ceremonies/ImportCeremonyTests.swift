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

/// A GitHub App's key comes into the token; the PEM is openssl's.
@Suite(.timeLimit(.minutes(10))) struct ImportCeremonyTests {
    private func pem(_ arguments: [String] = ["genrsa", "-traditional", "2048"]) throws -> LockedBytes {
        let made = try Command.run(["openssl"] + arguments)
        #expect(made.status == 0, "\(made.output)")
        return try LockedBytes(copying: Array(made.output.utf8))
    }

    private func members(_ site: CeremonySite, _ key: PrivateKeyFile, _ algorithm: String, _ method: String) throws
        -> JSONObject
    {
        let info = try #require(PublicKey(jwk: key.jwk)?.subjectPublicKeyInfo)
        return [
            "key": [
                "label": "github", "purpose": "assertion", "alg": .string(algorithm), "issuer": "123456",
                "types": ["JWT"], "max_lifetime": 600,
            ], "token": .string(site.serial), "method": .string(method),
            "public_key_sha256": .string(Hexadecimal.string(SHA256.hash(data: info))), "provider": "github",
        ]
    }

    private func handIn(_ site: CeremonySite, _ id: String, _ key: PrivateKeyFile) async throws {
        let file = try TransportFile(file: try PrivateFile.readPublic(try site.directory(id).file("transport.json")))
        try file.offer.verify(signature: file.signature, chain: file.chain, now: site.now)
        let wrapped = try WrappedKey(key, for: file.offer)
        _ = try await site.call("hand-in", id, ["file": .string(Base64URL.string(wrapped.bytes))])
    }

    @Test func aWrappedKeyComesInAndStaysImportedForLife() async throws {
        try await CeremonySite.run { site in
            let key = try PrivateKeyFile(pem: try pem())
            let plan = try site.plan(.importKey, try members(site, key, "RS256", "unwrap"))
            try await site.begin(plan)
            try await site.finish(plan.id) { try await handIn(site, $0, key) }
            let made = try site.key("github")
            #expect(made.state == .active && made.provenance == .imported && made.jwk == key.jwk)
            #expect(made.evidence["CKA_LOCAL"] == false && made.evidence["refuses.read_private"] == true)
            #expect(try await site.objects() == site.expectedObjects())
            let report = CeremonyReport(try site.verify(plan)).text
            #expect(report.contains("github | assertion | RS256 | \(site.serial) | \(made.kid) | imported"))
            #expect(report.contains("CKA_LOCAL=0") && report.contains("read_private"))
            let leaf = try #require(
                try site.quorum.entries().first { $0.kind == .adminKeysGenerated && $0.kid == made.kid })
            #expect(leaf.detail?["provenance"] == "imported")
            let audit = try await site.hold(.auditVerify)
            #expect(try site.verify(audit).transcript.evidence(of: "report")?.data["faults"] == [])
            let canary = Array(key.pkcs8.exposed.suffix(64))
            let files = try #require(FileManager.default.enumerator(atPath: site.quorum.site.directory))
            for case let name as String in files {
                guard let data = FileManager.default.contents(atPath: site.quorum.site.directory + "/" + name) else {
                    continue
                }
                #expect(data.range(of: Data(canary)) == nil, "\(name)")
            }
        }
    }

    @Test func anotherKeyThanThePlansIsRefusedAndTheRightOneTaken() async throws {
        try await CeremonySite.run { site in
            let (key, other) = (try PrivateKeyFile(pem: try pem()), try PrivateKeyFile(pem: try pem()))
            let plan = try site.plan(.importKey, try members(site, key, "RS256", "unwrap"))
            try await site.begin(plan)
            while try await site.step(plan.id)["waiting"]?.object == nil {}
            await #expect(throws: CoreError(.refused, "")) { try await handIn(site, plan.id, other) }
            // A process that dies takes the transport key with it: what was wrapped to it is worthless.
            let old = try TransportFile(
                file: try PrivateFile.readPublic(try site.directory(plan.id).file("transport.json")))
            await site.core.ceremonies.forget(plan.id)
            _ = try await site.step(plan.id)
            let stale = try WrappedKey(key, for: old.offer)
            await #expect(throws: CoreError(.refused, "")) {
                _ = try await site.call("hand-in", plan.id, ["file": .string(Base64URL.string(stale.bytes))])
            }
            try await site.finish(plan.id) { try await handIn(site, $0, key) }
            #expect(try site.key("github").jwk == key.jwk)
        }
    }

    @Test func whatATokenCannotUnwrapIsCreatedInAProcessOfItsOwn() async throws {
        try await CeremonySite.run { site in
            let text = try pem(["genpkey", "-algorithm", "ED25519"])
            let key = try PrivateKeyFile(pem: text)
            let plan = try site.plan(.importKey, try members(site, key, "EdDSA", "create"))
            try await site.begin(plan)
            let path = try site.directory(plan.id).file("import.pem")
            for _ in 0..<3 {
                if try await site.step(plan.id)["waiting"]?.object != nil { break }
            }
            try PrivateFile.create(path, text)
            try await site.finish(plan.id)
            #expect(try site.key("github").provenance == .imported)
            #expect(!FileManager.default.fileExists(atPath: path))
            #expect(try await site.objects() == site.expectedObjects())
        }
    }

    @Test(arguments: [(PointKind.begunOrActed, 9), (.done, 6)])
    func anImportThatDiesAnywhereIsFinished(kind: PointKind, count: Int) async throws {
        try await CeremonySite.run { site in
            let key = try PrivateKeyFile(pem: try pem())
            let deaths = Deaths { $0.isOneOf(kind) }
            site.core.ceremonies.equipment.pass = deaths.pass
            let plan = try site.plan(.importKey, try members(site, key, "RS256", "unwrap"))
            try await site.begin(plan)
            var isOver = false
            for _ in 0..<60 where !isOver {
                do {
                    try await site.finish(plan.id) { try await handIn(site, $0, key) }
                    isOver = true
                } catch { await site.core.ceremonies.forget(plan.id) }
            }
            #expect(isOver)
            #expect(deaths.count == count, "\(deaths.places)")
            #expect(try await site.objects() == site.expectedObjects())
        }
    }

    @Test func aPEMThatNobodyNeedsAnyMoreIsRemovedWithTheCeremony() async throws {
        try await CeremonySite.run { site in
            let text = try pem(["genpkey", "-algorithm", "ED25519"])
            let members = try members(site, try PrivateKeyFile(pem: text), "EdDSA", "create")
            var paths: [String] = []
            for isAborted in [true, false] {
                let plan = try site.plan(.importKey, members, validFor: "1h")
                try await site.begin(plan)
                while try await site.step(plan.id)["waiting"]?.object == nil {}
                paths.append(try site.directory(plan.id).file("import.pem"))
                try PrivateFile.create(paths[paths.count - 1], text)
                if isAborted { try await site.abort(plan.id) }
            }
            #expect(!FileManager.default.fileExists(atPath: paths[0]))
            #expect(FileManager.default.fileExists(atPath: paths[1]))
            site.quorum.site.clock.move(seconds: 3601)
            // Nobody does anything: the core looks by itself.
            for _ in 0..<2400 where FileManager.default.fileExists(atPath: paths[1]) {
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(!FileManager.default.fileExists(atPath: paths[1]))
        }
    }

    @Test func aPEMOfAnotherKeyIsReadOnceAndRemoved() async throws {
        try await CeremonySite.run { site in
            let (text, other) = (
                try pem(["genpkey", "-algorithm", "ED25519"]), try pem(["genpkey", "-algorithm", "ED25519"])
            )
            let plan = try site.plan(
                .importKey, try members(site, try PrivateKeyFile(pem: text), "EdDSA", "create"))
            try await site.begin(plan)
            while try await site.step(plan.id)["waiting"]?.object == nil {}
            let path = try site.directory(plan.id).file("import.pem")
            try PrivateFile.create(path, other)
            await #expect(throws: CoreError(.refused, "")) { _ = try await site.step(plan.id) }
            #expect(!FileManager.default.fileExists(atPath: path))
            #expect(try await site.step(plan.id)["waiting"]?.object != nil)
            try PrivateFile.create(path, text)
            #expect(try await site.finish(plan.id)["state"] == "completed")
        }
    }
}
