import Custody
import Foundation
import StrictEncoding

extension Genesis {
    /// The key with which the appliance will sign its requests for shares.
    var hostKeyStep: CeremonyStep {
        let site = site
        return CeremonyStep(
            name: "host-key", title: "Make the appliance's host key",
            check: {
                try site.check(self.plan)
                guard !FileManager.default.fileExists(atPath: site.custody.manifestFile(1)) else {
                    throw StartError(
                        file: site.custody.manifestFile(1), problem: "exists already",
                        mend: "an appliance has one genesis; use another custody_directory for another appliance")
                }
                return .ready
            },
            act: {
                try site.custody.create()
                _ = try site.custody.createHostKey()
            },
            verify: {
                guard let key = try? site.custody.readHostKey() else { return nil }
                return [
                    "host_key": .string(key.publicKey.line), "fingerprint": .string(key.publicKey.fingerprint),
                ]
            }, undo: { try PrivateFile.remove(site.custody.hostKeyFile) })
    }
}
