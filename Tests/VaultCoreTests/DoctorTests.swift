import AuditLog
import Custody
import Foundation
import HSMBridge
import StrictEncoding
import Testing
import VaultCore
import VaultTesting

/// A token held against its manifest, and the report as machines read it.
@Suite(.timeLimit(.minutes(5))) struct DoctorTests {
    private func examine(_ site: CoreSite, _ change: (inout Manifest) -> Void = { _ in }) async throws -> TokenReport {
        var manifest = try site.manifest
        change(&manifest)
        return await HSMDoctor(manifest: manifest, triesKeys: false).examine(
            module: site.settings.tokens[0].module, token: try TokenURI(site.token.uri),
            pin: try PIN(file: site.token.pinFile))
    }

    private func faults(_ report: TokenReport) -> [String] {
        report.findings.filter { $0.severity == .fault }.map { "\($0.subject): \($0.code)" }
    }

    @Test func aTokenAsItsManifestSaysIsWell() async throws {
        try await CoreSite.withGenesis { site in
            let report = try await examine(site)
            #expect(faults(report) == [] && report.findings.allSatisfy { $0.code != "key-unknown" })
            #expect(report.keys.count == site.settings.keys.count)
            #expect(report.keys.allSatisfy { $0.signature != nil && $0.provenance == .generated })
        }
    }

    @Test func whatManifestAndTokenDisagreeInIsNamed() async throws {
        try await CoreSite.withGenesis { site in
            let changed = try await examine(site) { $0.keys[0].evidence["CKA_EXTRACTABLE"] = true }
            #expect(faults(changed) == ["key sign-es256: key-changed"])
            let missing = try await examine(site) { $0.keys[1].id = String(repeating: "ab", count: 16) }
            #expect(faults(missing) == ["key sign-rs256: key-missing"])
            #expect(missing.findings.contains { $0.subject == "key sign-rs256" && $0.code == "key-unknown" })
            let swapped = try await examine(site) { $0.keys[5].jwk = $0.keys[6].jwk }
            #expect(faults(swapped) == ["key tls-gateway: key-mismatch"])
            let other = try await examine(site) { manifest in
                manifest.tokens[0].serial = "another"
                for index in manifest.keys.indices { manifest.keys[index].token = "another" }
            }
            #expect(faults(other) == ["token: token-unknown"])
        }
    }

    @Test func aKeyThatHasEndedIsNoSurprise() async throws {
        try await CoreSite.withGenesis { site in
            let report = try await examine(site) { $0.keys[2].state = .retired }
            #expect(faults(report) == [] && report.keys.count == site.settings.keys.count - 1)
        }
    }

    @Test func theReportIsJSONWithoutThePIN() async throws {
        try await CoreSite.withGenesis { site in
            let report = try await examine(site)
            let text = String(decoding: JSONWriter.canonical(report.json), as: UTF8.self)
            #expect(!text.contains(site.token.pin))
            let json = try #require(try JSONParser.parse(Array(text.utf8)).object)
            #expect(json["well"] == true && json["keys"]?.array?.count == site.settings.keys.count)
            let first = try #require(json["keys"]?.array?.first?.object)
            #expect(first["provenance"] == "generated" && first["signature_microseconds"]?.integer != nil)
        }
    }

    @Test func aManifestThatCannotBeReadIsAFaultAndOneThatIsMissingIsNot() async throws {
        try await CoreSite.withEmptyToken { site in
            try site.replaceManifest(with: Array("{}".utf8))
            #expect(throws: StartError.self) { try HSMDoctor(manifestFile: site.settings.manifestFile) }
            _ = try HSMDoctor(manifestFile: site.directory + "/missing.json")
        }
    }

    @Test func aLogWithAnECDSACheckpointKeyVerifies() async throws {
        try await CoreSite.withEmptyToken { site in
            var site = site
            site.settings.keys = [site.settings.keys[0], site.settings.keys[4]]
            site.settings.keys[1].algorithm = "ES256"
            try await site.genesis()
            let core = try await site.start()
            await core.shutdown()
            let text = try String(contentsOfFile: site.settings.logDirectory + ".vkey", encoding: .utf8)
            let key = try VerifierKey(parsing: text.trimmingCharacters(in: .newlines))
            let report = try LogVerifier.verify(directory: site.settings.logDirectory, verifierKeys: [key])
            #expect(key.algorithm == .ecdsaP256 && report.signers == [key] && report.checkpoint.size == 2)
        }
    }
}
