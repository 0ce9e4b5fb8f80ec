import Custody
import Foundation
import HSMBridge
import StrictEncoding
import Testing
import VaultCore
import VaultTesting

@Suite(.timeLimit(.minutes(10))) struct GenesisTests {
    @Test func theManifestSaysWhatTheTokenSaidOfEachKey() async throws {
        try await CoreSite.withGenesis { site in
            let manifest = try site.manifest
            #expect(manifest.keys.map(\.label) == site.settings.keys.map(\.label))
            for key in manifest.keys {
                let promised = [
                    "CKA_SENSITIVE", "CKA_ALWAYS_SENSITIVE", "CKA_NEVER_EXTRACTABLE", "CKA_LOCAL", "CKA_TOKEN",
                    "CKA_PRIVATE", key.purpose == .kek ? "CKA_DECRYPT" : "CKA_SIGN",
                ]
                for name in promised { #expect(key.evidence[name] == true, "\(key.label) \(name)") }
                let otherUse = key.purpose == .kek ? "CKA_SIGN" : "CKA_DECRYPT"
                for name in ["CKA_EXTRACTABLE", "CKA_MODIFIABLE", "CKA_COPYABLE", otherUse, "CKA_UNWRAP"] {
                    #expect(key.evidence[name] == false, "\(key.label) \(name)")
                }
                for name in ["read_private", "set_extractable", "set_not_sensitive", "set_copyable"] {
                    #expect(key.evidence["refuses.\(name)"] == true, "\(key.label) \(name)")
                }
            }
        }
    }

    @Test func theManifestNamesTokenPurposesAndProfiles() async throws {
        try await CoreSite.withGenesis { site in
            let manifest = try site.manifest
            #expect(manifest.custody == .development && manifest.version == 1 && manifest.previous == nil)
            #expect(manifest.created == site.clock.now && manifest.appliance.utf8.count == 32)
            let token = try #require(manifest.tokens.first)
            #expect(manifest.tokens.count == 1 && token.label == site.token.label)
            for (key, plan) in zip(manifest.keys, site.settings.keys) {
                #expect(key.purpose.rawValue == plan.purpose && key.algorithm == plan.algorithm)
                #expect(key.state == .active && key.provenance == .generated && key.token == token.serial)
                #expect(key.kid == ManifestKey.thumbprint(of: key.jwk) && key.id.utf8.count == 32)
                let profile = ManifestKey.Gate(
                    issuer: site.settings.issuer, types: plan.types, maximumLifetime: plan.maximumLifetime ?? 0)
                #expect(key.gate == (plan.purpose == "signing" ? profile : nil))
            }
        }
    }

    @Test func theManifestIsForItsOwnerToWriteAlone() async throws {
        try await CoreSite.withEmptyToken { site in
            var site = site
            site.settings.keys = [site.settings.keys[4]]
            let manifest = try await site.genesis()
            #expect(try site.manifest == manifest)
            let mode = try FileManager.default.attributesOfItem(atPath: site.settings.manifestFile)[.posixPermissions]
            #expect((mode as? Int).map { $0 & 0o022 } == 0)
        }
    }

    @Test("where there is a manifest, or anything in its place, nothing is changed", arguments: ["{}", ""])
    func existingManifest(content: String) async throws {
        try await CoreSite.withEmptyToken { site in
            try site.replaceManifest(with: Array(content.utf8))
            await refuses(site, file: site.settings.manifestFile, field: nil)
            #expect(try Data(contentsOf: URL(filePath: site.settings.manifestFile)) == Data(content.utf8))
            let left = try await inventory(site)
            #expect(left.isEmpty)
        }
    }

    @Test func underQuorumCustodyNoKeyIsMade() async throws {
        try await CoreSite.withEmptyToken { site in
            var site = site
            site.settings.custody = "quorum"
            await refuses(site, file: site.settings.configurationFile, field: "core.custody")
            #expect(!FileManager.default.fileExists(atPath: site.settings.manifestFile))
            let left = try await inventory(site)
            #expect(left.isEmpty)
        }
    }

    @Test func aKeyThatCannotBePlannedStopsGenesisBeforeTheFirstKeyIsMade() async throws {
        try await CoreSite.withEmptyToken { site in
            var site = site
            site.settings.keys[6].algorithm = "HS256"
            await refuses(site, file: site.settings.configurationFile, field: "keys (tls-public)")
            #expect(!FileManager.default.fileExists(atPath: site.settings.manifestFile))
            let left = try await inventory(site)
            #expect(left.isEmpty)
        }
    }

    @Test func aTokenThatRefusesAKeyLeavesNoManifestAndIsLoggedOut() async throws {
        try await CoreSite.withEmptyToken { site in
            var site = site
            site.settings.keys = [site.settings.keys[4], site.settings.keys[4]]
            await refuses(site, file: site.settings.configurationFile, field: "keys (checkpoint)")
            #expect(!FileManager.default.fileExists(atPath: site.settings.manifestFile))
            // The first of the two was made: the message says so, and a person has to look.
            let left = try await inventory(site)
            #expect(left.map(\.label) == ["checkpoint", "checkpoint"])
        }
    }

    @Test func aTokenThatCannotBeOpenedLeavesNoManifest() async throws {
        try await CoreSite.withEmptyToken { site in
            var site = site
            site.settings.tokens[0].uri = "pkcs11:token=no-such-token"
            await refuses(site, file: site.settings.configurationFile, field: "hsm.token")
            #expect(!FileManager.default.fileExists(atPath: site.settings.manifestFile))
        }
    }

    private func refuses(
        _ site: CoreSite, file: String, field: String?, sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        let error = await #expect(throws: StartError.self, sourceLocation: sourceLocation) { try await site.genesis() }
        #expect(error?.file == file && error?.field == field, sourceLocation: sourceLocation)
        #expect(error?.description.contains(site.token.pin) == false, sourceLocation: sourceLocation)
    }

    /// What is in the token; opening it also shows that genesis has logged out.
    private func inventory(_ site: CoreSite) async throws -> [TokenObject] {
        let hsm = try await SoftHSMFixture.shared().open(site.token)
        let objects = try await hsm.inventory()
        #expect(await hsm.shutdown())
        return objects
    }
}
