import Custody
import StrictEncoding

extension EpochRotation {
    private static let made = "host-key.json"

    /// Another host key, under another name than the one in force.
    ///
    /// It signs nothing before custodians have signed the manifest that names it; then it signs the request in which they
    /// prove their new shares, which verifies by that manifest alone. It takes the old one's place when the manifest is in
    /// force.
    var hostKeyStep: CeremonyStep {
        CeremonyStep(
            name: "host-key", title: "Make the host key that follows the appliance's",
            act: {
                let key = try custody().createNextHostKey().publicKey
                try ceremony.write(
                    EpochRotation.made,
                    ["host_key": .string(key.line), "fingerprint": .string(key.fingerprint)])
            }, verify: { try madeHostKey() },
            undo: {
                try custody().removeNextHostKey()
                try ceremony.forget(EpochRotation.made)
            })
    }

    /// As the next manifest names it.
    func nextHostKey() throws -> String {
        guard let line = try madeHostKey()?["host_key"]?.string else {
            throw CustodyError(.wrongState, "the new host key is not there: abort, and begin anew")
        }
        return line
    }

    /// What the step has made; nil where the file is not there, is half of one, or is somebody else's.
    private func madeHostKey() throws -> JSONObject? {
        guard let record = try ceremony.read(EpochRotation.made)?.object,
            let key = try? custody().readNextHostKey().publicKey, record["host_key"]?.string == key.line
        else { return nil }
        return record
    }
}
