import Custody
import Foundation
import HSMBridge
import StrictEncoding

extension Genesis {
    /// The first manifest, of what the steps before have found out; unsigned.
    func draftManifest() throws -> Manifest {
        var tokens: [ManifestToken] = []
        var keys: [ManifestKey] = []
        for index in plan.tokens.indices {
            guard let made = try self.keys(index) else { throw CustodyError(.wrongState, "there are no keys yet") }
            let token = try token(index)
            tokens.append(
                ManifestToken(
                    label: token.label, serial: token.serial, model: token.model,
                    keyEncryptionKey: made.first { $0.purpose == .kek }?.jwk))
            keys += made
        }
        guard let shares = try shares() else { throw CustodyError(.wrongState, "there are no shares yet") }
        return Manifest(
            appliance: ceremony.plan.appliance, version: 1, previous: nil, custody: .quorum, created: site.clock(),
            hostKey: try site.custody.readHostKey().publicKey.line, tokens: tokens, keys: keys,
            custodians: plan.people.custodians, approvers: plan.people.approvers, threshold: plan.people.threshold,
            dials: plan.people.dials, activation: shares, signatures: [])
    }

    /// Puts the signed manifest where custodians and the core find it; the core is not started before the last step.
    var installStep: CeremonyStep {
        let custody = site.custody
        return ManifestSteps.install(
            ceremony,
            act: { try custody.add($0) },
            installed: { manifest in
                let file = custody.manifestFile(1)
                return FileManager.default.fileExists(atPath: file)
                    && (try? CustodyDirectory.readManifest(file)) == manifest
            }, undo: { try PrivateFile.remove(custody.manifestFile(1)) })
    }
}
