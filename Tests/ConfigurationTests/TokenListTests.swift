import Foundation
import StrictEncoding
import Testing

@testable import VaultAppliance

/// `hsm` with several tokens.
@Suite struct TokenListTests {
    private static let single = """
        hsm:
          module: /usr/lib/softhsm/libsofthsm2.so
          token: pkcs11:token=vault-dev
          pin_file: pin
          lanes: 4
          queue: 512

        """

    private static func config(_ hsm: String) throws -> String {
        let config = ConfigurationFixture.config
        try #require(config.contains(single))
        return config.replacingOccurrences(of: single, with: "hsm:\n" + hsm)
    }

    private static let list = """
          tokens:
            - module: /usr/lib/softhsm/libsofthsm2.so
              token: pkcs11:token=vault-dev
              pin_file: pin
              lanes: 4
            - {module: lib/other.so, token: "pkcs11:serial=0042", pin_file: other-pin, queue: 7}

        """

    @Test func aListNamesEachTokenWithItsOwnSettings() throws {
        let fixture = try ConfigurationFixture(config: Self.config(Self.list))
        let directory = URL(fileURLWithPath: fixture.configFile).deletingLastPathComponent().path
        #expect(
            try fixture.configuration().hsm.tokens == [
                .init(
                    field: "hsm.tokens[0]", module: "/usr/lib/softhsm/libsofthsm2.so", token: "pkcs11:token=vault-dev",
                    pinFile: directory + "/pin", lanes: 4, queue: 1024),
                .init(
                    field: "hsm.tokens[1]", module: directory + "/lib/other.so", token: "pkcs11:serial=0042",
                    pinFile: directory + "/other-pin", lanes: 2, queue: 7),
            ])
    }

    @Test(
        "faults of the list are named where they stand",
        arguments: [
            ("  tokens: []\n", "hsm.tokens: is empty"),
            ("  tokens: {}\n", "hsm.tokens: must be a list, is a mapping"),
            ("  tokens:\n    - {token: \"pkcs11:token=a\"}\n", "hsm.tokens[0].module: is missing"),
            ("  tokens:\n    - {module: /a.so}\n", "hsm.tokens[0].token: is missing"),
            ("  tokens:\n    - {module: /a.so, token: x}\n", "hsm.tokens[0].token: must be a PKCS#11 URI"),
            (
                "  tokens:\n    - {module: /a.so, token: \"pkcs11:token=a\", slot: 1}\n",
                "hsm.tokens[0].slot: is not a known field"
            ),
            (
                "  tokens:\n    - {module: /a.so, token: \"pkcs11:token=a\"}\n    - {module: /a.so, token: \"pkcs11:token=a\"}\n",
                "hsm.tokens[1].token: stands twice"
            ),
            ("  lanes: 2\n" + list, "hsm.lanes: stands beside tokens"),
            ("  pin_file: pin\n" + list, "hsm.pin_file: stands beside tokens"),
        ])
    func faults(hsm: String, expected: String) throws {
        let faults = ConfigurationFixture.lines(try ConfigurationFixture(config: Self.config(hsm)).faults())
        #expect(faults.count == 1)
        #expect(faults.first?.contains(": " + expected) == true, "\(faults)")
    }

    @Test func eachPINFileIsForDevelopmentCustodyAlone() throws {
        let config = try Self.config(Self.list).replacingOccurrences(
            of: "manifest: manifest.json\n  custody: development", with: "custody_directory: custody\n  custody: quorum"
        )
        let faults = try ConfigurationFixture(config: config).faults()
        #expect(faults.map(\.field) == ["hsm.tokens[0].pin_file", "hsm.tokens[1].pin_file"])
    }

    @Test(
        "the schema says the same",
        arguments: [(list, true), ("  lanes: 2\n", false), ("  tokens: []\n  token: a\n  module: b\n", false)])
    func schema(hsm: String, isAccepted: Bool) throws {
        let value = try #require(YAMLReader(YAMLSource(file: "config.yaml")).read(Self.config(hsm)))
        var check = JSONSchemaCheck()
        check.check(value.json, Configuration.schema, "")
        #expect(check.problems.isEmpty == isAccepted, "\(check.problems)")
    }
}
