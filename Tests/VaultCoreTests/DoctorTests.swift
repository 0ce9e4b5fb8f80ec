import AuditLog
import Custody
import Foundation
import HSMBridge
import StrictEncoding
import Testing
import VaultCore
import VaultTesting

/// A token held against its manifest, and the report as machines read it.
@Suite(.timeLimit(.minutes(10))) struct DoctorTests {
    private func examine(_ site: CoreSite, _ change: (inout Manifest) -> Void = { _ in }) async throws -> TokenReport {
        var manifest = try site.manifest
        change(&manifest)
        return await HSMDoctor(manifest: manifest, triesKeys: false).examine(
            module: site.settings.tokens[0].module, token: try TokenURI(site.token.uri),
            pin: try PIN(file: site.token.pinFile))
    }

    private func examine(
        _ site: QuorumSite, _ directory: CustodyDirectory? = nil, pin: Bool = true
    ) async throws -> TokenReport {
        let doctor = HSMDoctor(custodyDirectory: directory ?? site.directory, triesKeys: false)
        return await doctor.examine(
            module: site.site.settings.tokens[0].module, token: try TokenURI(site.site.token.uri),
            pin: pin ? try PIN(file: site.site.token.pinFile) : nil)
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

    @Test(arguments: [ManifestKey.State.retired, .quarantined])
    func aKeyThatHasEndedIsNoSurpriseAndIsShownAsWhatItIs(state: ManifestKey.State) async throws {
        try await CoreSite.withGenesis { site in
            let report = try await examine(site) { $0.keys[2].state = state }
            #expect(faults(report) == [] && report.findings.allSatisfy { $0.code != "key-unknown" })
            let label = try site.manifest.keys[2].label
            let key = report.keys.first { $0.label == label }
            #expect(key?.state == state.rawValue && key?.signature != nil)
            #expect(report.keys.count == site.settings.keys.count)
            // One that is gone is no fault either.
            let gone = try await examine(site) {
                $0.keys[2].state = state
                $0.keys[2].id = String(repeating: "ab", count: 16)
            }
            #expect(faults(gone) == [])
        }
    }

    @Test func aKeyThatWasDestroyedAndIsThereIsAFault() async throws {
        try await CoreSite.withGenesis { site in
            let report = try await examine(site) { $0.keys[2].state = .destroyed }
            #expect(faults(report) == ["key \(try site.manifest.keys[2].label): key-not-destroyed"])
        }
    }

    @Test func theInventorySaysOfEveryKeyWhatTheManifestSays() async throws {
        try await CoreSite.withGenesis { site in
            let manifest = try site.manifest
            let report = try await examine(site)
            let shown = report.keys.map { "\($0.label) \($0.purpose ?? "-") \($0.kid ?? "-") \($0.state ?? "-")" }
            let wanted = manifest.keys.map { "\($0.label) \($0.purpose) \($0.kid) \($0.state)" }
            #expect(shown.sorted() == wanted.sorted())
            let algorithms = report.keys.map { $0.algorithm?.rawValue ?? "" }
            #expect(algorithms.sorted() == manifest.keys.map(\.algorithm).sorted())
        }
    }

    @Test func underAQuorumTheNewestVerifiedManifestIsRead() async throws {
        try await QuorumSite.withGenesis { site in
            let report = try await examine(site)
            #expect(faults(report) == [] && report.keys.count == site.site.settings.keys.count)
            #expect(report.keys.allSatisfy { $0.purpose != nil && $0.kid != nil && $0.state == "active" })
            #expect(report.keys.allSatisfy { $0.signature != nil && $0.provenance == .generated })
        }
    }

    @Test func withoutThePINTheManifestIsShownAndWhatWasLeftOutIsSaid() async throws {
        try await QuorumSite.withGenesis { site in
            let report = try await examine(site, pin: false)
            #expect(report.isWell && report.profile == nil && report.algorithms.isEmpty)
            let serial = try site.directory.readChain().current.tokens[0].serial
            #expect(report.token?.serial == serial)
            #expect(report.findings.contains { $0.code == "login-left-out" && $0.severity == .note && $0.mend != nil })
            #expect(report.keys.count == site.site.settings.keys.count)
            #expect(report.keys.allSatisfy { $0.kid != nil && $0.signature == nil && $0.attributes.isEmpty })
            #expect(report.lines.contains { $0.contains("not looked at") })
        }
    }

    @Test func aFaultOfTheChainIsAFindingAndTheTokenIsExaminedAllTheSame() async throws {
        try await QuorumSite.withGenesis { site in
            let first = site.directory.manifestFile(1)
            let bytes = try Data(contentsOf: URL(filePath: first))
            let text = String(decoding: bytes, as: UTF8.self)
            let forged = text.replacing("\"threshold\":2", with: "\"threshold\":1")
            #expect(forged != text)
            for (contents, name) in [(Data(forged.utf8), "1.json"), (Data("{}".utf8), "1.json"), (bytes, "3.json")] {
                let file = site.directory.manifests + "/" + name
                try contents.write(to: URL(filePath: file))
                let report = try await examine(site)
                #expect(faults(report) == ["manifest: manifest-refused"])
                #expect(report.findings.allSatisfy { $0.severity != .fault || $0.mend?.isEmpty == false })
                #expect(report.keys.allSatisfy { $0.kid == nil } && !report.keys.isEmpty)
                if file == first { try bytes.write(to: URL(filePath: first)) }
            }
        }
    }

    @Test func aHostKeyThatTheManifestDoesNotNameIsAFinding() async throws {
        try await QuorumSite.withGenesis { site in
            try FileManager.default.removeItem(atPath: site.directory.hostKeyFile)
            _ = try site.directory.createHostKey()
            #expect(faults(try await examine(site)) == ["manifest: manifest-refused"])
        }
    }

    @Test func beforeTheGenesisThereIsNoManifestAndNoFault() async throws {
        try await QuorumSite.withGenesis { site in
            let empty = CustodyDirectory(path: site.site.directory + "/none")
            for _ in 0..<2 {
                let report = try await examine(site, empty)
                #expect(faults(report) == [] && report.keys.allSatisfy { $0.kid == nil })
                try empty.create()
            }
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
            var found: [[String]] = []
            for file in [site.settings.manifestFile, site.directory + "/missing.json"] {
                let report = await HSMDoctor(manifestFile: file, triesKeys: false).examine(
                    module: site.settings.tokens[0].module, token: try TokenURI(site.token.uri),
                    pin: try PIN(file: site.token.pinFile))
                found.append(faults(report))
            }
            #expect(found == [["manifest: manifest-refused"], []])
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
