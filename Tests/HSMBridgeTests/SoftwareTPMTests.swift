import Testing
import VaultTesting

@testable import HSMBridge

/// Another maker's library over another device; left out of `scripts/test --quick`.
@Suite(.serialized, .timeLimit(.minutes(10))) struct SoftwareTPMTests {
    @Test func theConformanceSuitePassesOnATPM() async throws {
        let tpm = try SoftwareTPMFixture.shared()
        try await tpm.withToken {
            var options = TokenConformance.Options()
            options.load = .milliseconds(500)
            let suite = TokenConformance(
                modulePath: tpm.modulePath, token: try TokenURI(tpm.uri), pin: try PIN(file: tpm.pinFile), run: "tpm",
                options: options)
            let checks = await suite.checks()
            for check in checks { #expect(!check.isFailure, "\(check.line)") }
            let skipped = checks.compactMap { if case .skipped = $0.outcome { $0.name } else { nil } }
            #expect(skipped == ["PS256", "EdDSA"])
        }
    }

    @Test func itsProfileSaysWhatIsPeculiarAboutIt() async throws {
        let tpm = try SoftwareTPMFixture.shared()
        try await tpm.withToken {
            let report = await TokenExamination(
                modulePath: tpm.modulePath, token: try TokenURI(tpm.uri), expected: nil
            ).run(pin: try PIN(file: tpm.pinFile))
            let profile = try #require(report.profile)
            #expect(report.isWell && profile.vendor == .tpm2 && profile.oaepHash == .sha256)
            #expect(profile.quirks == TokenVendor.tpm2.quirks)
            // It keeps no session keys, so nothing is tried; what it lists says enough.
            let outcomes = Dictionary(uniqueKeysWithValues: report.algorithms.map { ($0.algorithm, $0.outcome) })
            #expect(outcomes[.es256] == .untried && outcomes[.rs256] == .untried)
            #expect(outcomes[.ps256] == .notOffered && outcomes[.edDSA] == .notOffered)
        }
    }

    /// The reason for `attributesNotFrozen`: should a later version freeze attributes, this fails and the quirk can go.
    @Test func itLetsAttributesBeSetAndKeepsTheKeyAllTheSame() async throws {
        let tpm = try SoftwareTPMFixture.shared()
        try await tpm.withToken {
            try await Harness.withHSM(module: tpm.modulePath, uri: tpm.uri, pinFile: tpm.pinFile) { hsm in
                let made = try await hsm.generate(.init(label: "frozen", algorithm: .es256, purpose: .signing))
                #expect(made.attributes["CKA_MODIFIABLE"] == false && made.refusals["set_label"] == nil)
                let values = try await hsm.perform { (session) throws(HSMError) in
                    let writable = try hsm.login.openSession(readWrite: true)
                    let key = try session.locate(made.reference, profile: hsm.profile, generation: 0).object
                    return [
                        writable.set(.flag(.extractable, true), of: key), session.lengthProbe(.value, key).value,
                        writable.set(.flag(.extractable, false), of: key),
                    ]
                }
                #expect(values[0] == .ok && values[1] != .ok && values[2] == .ok)
            }
        }
    }
}
