import Custody
import Foundation
import Policy
import StrictEncoding
import Testing

@testable import VaultAppliance

/// Every file of hsm-config that the front reads is loaded, so that an example never rots.
@Suite struct ExampleFilesTests {
    private static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("hsm-config").path

    private func text(_ name: String) throws -> String {
        try String(contentsOfFile: ExampleFilesTests.directory + "/" + name, encoding: .utf8)
    }

    @Test func theExampleConfigurationLoadsWithItsPolicyAndKeys() throws {
        let bundle = try ConfigurationBundle.load(file: ExampleFilesTests.directory + "/appliance.yaml")
        #expect(bundle.configuration.core.custody == .development)
        #expect(
            bundle.policy.rules.map(\.id) == [
                "crm-update", "crm-read", "reports-batch", "aws-read", "reports-nightly",
            ])
        #expect(Set(bundle.configuration.targets.map(\.kind)) == Set(Configuration.Target.Kind.allCases))
        #expect(bundle.policy.denials.map(\.id) == ["no-contractor-writes"])
        #expect(bundle.hash.utf8.count == 64)
    }

    @Test func theExamplePolicyDecidesAsItsTestsExpect() throws {
        let bundle = try ConfigurationBundle.load(file: ExampleFilesTests.directory + "/appliance.yaml")
        let document = try PolicyTestDocument.load(
            file: ExampleFilesTests.directory + "/policy-tests.yaml", configuration: bundle.configuration)
        for test in document.cases {
            let result = PolicyTestResult(test, policy: bundle.policy, now: 1_800_000_000)
            #expect(result.passed, "\(result.name): \(result.decision)")
        }
    }

    @Test func theExampleConfigurationShowsTheDefaultLimits() throws {
        let configuration = try Configuration.load(file: ExampleFilesTests.directory + "/appliance.yaml")
        #expect(configuration.limits == .standard)
    }

    @Test func theExampleConfigurationFitsTheSchema() throws {
        let value = try #require(YAMLReader(YAMLSource(file: "")).read(try text("appliance.yaml")))
        var check = JSONSchemaCheck()
        check.check(value.json, Configuration.schema, "")
        #expect(check.problems == [])
    }

    @Test("the example key files hold public keys alone", arguments: ["idp-jwks.json", "agents-jwks.json"])
    func keyFiles(name: String) throws {
        let set = try JSONParser.parse(Array(try text(name).utf8))
        let keys = try #require(set.object?["keys"]?.array)
        #expect(!keys.isEmpty)
        for key in keys {
            #expect(Set(key.object?.names ?? []) == ["kty", "crv", "x", "y", "kid", "alg", "use"])
        }
    }

    @Test("there is an example plan of every kind of ceremony", arguments: CeremonyKind.allCases)
    func plans(kind: CeremonyKind) throws {
        let file = ExampleFilesTests.directory + "/ceremonies/\(kind.rawValue).yaml"
        let document = try PlanDocument.load(file: file)
        #expect(try CeremonyPlan.check(draft: document.value) == kind)
    }

    @Test func aPlansFaultStandsAtTheLineOfItsField() throws {
        let document = try PlanDocument(
            Array("ceremony: drill\npurpose: p\nadministrator: Dora\nx: 1\n".utf8), file: "p.yaml")
        let faults = #expect(throws: PlanError.self) { try CeremonyPlan.check(draft: document.value) }?.faults ?? []
        let error = document.error(faults.map { ($0.field, $0.problem, $0.mend) })
        #expect(error.faults.map(\.line) == [3, 4])
        #expect(error.faults.map(\.field) == ["administrator", "x"])
    }

    /// SoftHSM 2.6 reads `name = value` lines and ignores what it does not know, so a mistyped name would go unnoticed.
    @Test func theSoftHSMFileSetsWhatItKnows() throws {
        var settings: [String: String] = [:]
        for line in try text("softhsm2.conf").split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.components(separatedBy: " = ")
            try #require(parts.count == 2)
            settings[parts[0]] = parts[1]
        }
        #expect(
            settings == [
                "directories.tokendir": "/var/lib/vault-appliance/tokens", "objectstore.backend": "file",
                "log.level": "ERROR", "slots.removable": "false", "slots.mechanisms": "ALL",
                "library.reset_on_fork": "true",
            ])
    }
}
