import Custody
import Foundation
import Testing
import VaultTesting

/// What a program that is not ours says of the keys that genesis made (Debian's package opensc).
@Suite(.timeLimit(.minutes(10))) struct PKCS11ToolTests {
    @Test func pkcs11ToolSeesEveryPrivateKeyAsOneThatNeverLeavesTheToken() async throws {
        try await CoreSite.withGenesis { site in
            let keys = try site.manifest.keys
            let fixture = try SoftHSMFixture.shared()
            let listing = try Command.run(
                [
                    "pkcs11-tool", "--module", fixture.modulePath, "--token-label", site.token.label, "--login",
                    "--pin",
                    "env:TEST_PIN", "--list-objects", "--type", "privkey",
                ],
                environment: [
                    "SOFTHSM2_CONF": fixture.directory.configurationFile, "TEST_PIN": site.token.pin,
                ])
            #expect(listing.status == 0, "\(listing.output)")
            // One paragraph an object: its first line starts at the margin.
            let objects = listing.output.components(separatedBy: "Private Key Object").dropFirst()
            #expect(objects.count == keys.count)
            for key in keys {
                let object = try #require(objects.first { $0.contains("ID:         \(key.id)") }, "\(key.label)")
                #expect(object.contains("label:      \(key.label)\n"))
                #expect(object.contains("sensitive, always sensitive, never extractable, local"), "\(key.label)")
                let usage = try #require(object.split(separator: "\n").first { $0.contains("Usage:") })
                let use = key.purpose == .kek ? "decrypt" : "sign"
                #expect(usage.split(separator: ":")[1].trimmingPrefix { $0 == " " } == use)
            }
        }
    }
}
