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

    @Test func theNewestManifestSaysWhatACheckpointKeyIsWorth() throws {
        let first = try example()
        func keys(_ state: ManifestKey.State) throws -> CheckpointKeys {
            var next = first
            let index = try #require(next.keys.firstIndex { $0.purpose == .checkpoint })
            next.keys[index].state = state
            return try CheckpointKeys([first, next], origin: "vault.example/log")
        }
        for state in [ManifestKey.State.generated, .prepublished, .active, .retiring] {
            let keys = try keys(state)
            #expect(keys.current.count == 1 && keys.retired + keys.quarantined == [], "\(state)")
        }
        for state in [ManifestKey.State.retired, .destroyed] {
            let keys = try keys(state)
            #expect(keys.retired.count == 1 && keys.current + keys.quarantined == [], "\(state)")
        }
        let quarantined = try keys(.quarantined)
        #expect(quarantined.quarantined.count == 1 && quarantined.current + quarantined.retired == [])
        // One that no newer manifest names any more was never said to be good for nothing.
        var without = first
        without.keys.removeAll { $0.purpose == .checkpoint }
        #expect(try CheckpointKeys([first, without], origin: "vault.example/log").current.count == 1)
    }
}
