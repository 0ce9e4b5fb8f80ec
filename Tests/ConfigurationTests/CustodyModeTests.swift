import Testing

@testable import VaultAppliance

/// What each mode of custody takes from the configuration file, and what it refuses.
@Suite struct CustodyModeTests {
    private static func quorum(_ core: String) throws -> ConfigurationFixture {
        let config = ConfigurationFixture.config
            .replacing("  manifest: manifest.json\n  custody: development\n", with: core)
            .replacing("  pin_file: pin\n", with: "").replacing("  last_checkpoint: /mnt/other/log.last\n", with: "")
        return try ConfigurationFixture(config: config)
    }

    @Test func quorumCustodyTakesACustodyDirectoryAndNoPIN() throws {
        let fixture = try Self.quorum("  custody_directory: custody\n  custody: quorum\n")
        let core = try fixture.configuration().core
        #expect(core.custody == .quorum && core.manifestFile == nil)
        #expect(core.custodyDirectory?.hasSuffix("/custody") == true)
    }

    @Test func theRecordOfTheLastCheckpointLiesBesideTheCustodyDirectory() throws {
        let fixture = try Self.quorum("  custody_directory: custody\n  custody: quorum\n")
        let configuration = try fixture.configuration()
        #expect(
            configuration.audit.lastCheckpointFile == (configuration.core.custodyDirectory ?? "") + ".last-checkpoint")
    }

    @Test(
        "what belongs to the other mode, or is missing, is a fault",
        arguments: [
            ("  manifest: manifest.json\n  custody_directory: custody\n  custody: quorum\n", "core.manifest"),
            ("  custody: quorum\n", "core.custody_directory"),
        ])
    func fault(core: String, field: String) throws {
        #expect(try Self.quorum(core).faults().map(\.field) == [field])
    }
}
