import CoreProtocol
import StrictEncoding

@testable import VaultCore

extension FuzzParser {
    /// The bytes that a person signed are the bytes that were read, and say nothing that the log could not show.
    func cutOffStatement(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let statement = try? CutOffStatement(parsing: input) else { return false }
        try FuzzFinding.unless(statement.bytes == input, "accepts a statement in two spellings")
        let shown = [statement.name, statement.issuer ?? "", statement.nonce, statement.reason]
        try FuzzFinding.unless(
            shown.allSatisfy { $0.utf8.allSatisfy { (0x20...0x7E).contains($0) } }, "accepts control characters")
        let made = UnixTime(seconds: statement.expires - CutOffStatement.life)
        if (try? statement.check(appliance: statement.appliance, now: made)) != nil {
            let longest = CutOffStatement.durations.upperBound + 60
            try FuzzFinding.unless(
                (1...longest).contains(statement.until - made.seconds), "cuts off for longer than a person may")
        }
        return true
    }

    /// Nobody on a list is the signer of what nobody signed.
    func onCallList(_ input: [UInt8]) throws(FuzzFinding) -> Bool {
        guard let text = String(validating: input, as: UTF8.self), let list = try? OnCallList(text: text) else {
            return false
        }
        let signer = try? list.signer(of: [0x66], signature: input, namespace: CutOffStatement.namespace)
        try FuzzFinding.unless(signer == nil, "takes a list for a signature")
        return text.contains("ssh-") || text.contains("ecdsa-")
    }
}
