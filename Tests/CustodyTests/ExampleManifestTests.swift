import Custody
import Foundation
import Testing

@Suite struct ExampleManifestTests {
    private func example() throws -> Manifest {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try Manifest(jsonBytes: [UInt8](Data(contentsOf: root.appending(path: "hsm-config/manifest.json"))))
    }

    @Test func theExampleIsAManifestUnderDevelopmentCustody() throws {
        let manifest = try example()
        #expect(manifest.custody == .development)
        #expect(manifest.keys.map(\.label) == ["sign-es256", "sign-rs256", "checkpoint", "tls-gateway", "tls-public"])
    }

    @Test func theExamplesKeysWereBornInTheirTokenAndCannotLeaveIt() throws {
        for key in try example().keys {
            #expect(key.provenance == .generated)
            #expect(key.evidence["CKA_LOCAL"] == true)
            #expect(key.evidence["CKA_NEVER_EXTRACTABLE"] == true)
            #expect(key.evidence["refuses.read_private"] == true)
        }
    }
}
