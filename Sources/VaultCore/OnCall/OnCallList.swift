package import CoreProtocol
import Custody
import Foundation
import StrictEncoding

/// The people who may cut off: each by an SSH key of their own.
///
/// The file has the form of OpenSSH's allowed signers (ssh-keygen(1), "ALLOWED SIGNERS"): a name, perhaps
/// `namespaces="cutoff@vault-appliance"`, a key. It is read anew for each command, so that a change needs no restart.
package struct OnCallList: Sendable {
    /// A longer file is refused.
    private static let maximumBytes = 256 << 10

    private let people: [SSHPublicKey: String]

    /// Reads a file that nobody but its owner can write.
    package init(file: String) throws(CoreError) {
        func fault(_ problem: String) -> CoreError { CoreError(.refused, "\(file): \(problem)") }
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: file),
            let mode = attributes[.posixPermissions] as? Int, let size = attributes[.size] as? Int,
            size <= Self.maximumBytes, let bytes = try? Data(contentsOf: URL(filePath: file)),
            let text = String(validating: bytes, as: UTF8.self)
        else { throw fault("cannot be read") }
        guard mode & 0o022 == 0 else { throw fault("can be written by others than its owner: chmod go-w") }
        do throws(CoreError) {
            try self.init(text: text)
        } catch {
            throw fault(error.reason)
        }
    }

    /// Reads the lines; a line that cannot be read refuses them all.
    package init(text: String) throws(CoreError) {
        var people: [SSHPublicKey: String] = [:]
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() where !line.isEmpty && !line.hasPrefix("#") {
            do throws(CustodyError) {
                let (name, key) = try Self.person(String(line))
                guard people.updateValue(name, forKey: key) == nil else {
                    throw CustodyError(.repeated, "the key stands twice: one key, one person")
                }
            } catch {
                throw CoreError(.refused, "line \(number + 1): \(error.reason)")
            }
        }
        self.people = people
    }

    /// The person who signed exactly these bytes for this namespace, and by which key, as the log names them.
    package func signer(of message: [UInt8], signature: [UInt8], namespace: String) throws(CoreError) -> String {
        do throws(CustodyError) {
            let key = try SSHSignature(armored: signature).verify(message, namespace: namespace)
            guard let name = people[key] else {
                throw CustodyError(.stranger, "the key \(key.fingerprint) is not that of anybody on call")
            }
            return "\(name) \(key.fingerprint)"
        } catch {
            throw CoreError(.refused, "signature: \(error.reason)")
        }
    }

    private static func person(_ line: String) throws(CustodyError) -> (String, SSHPublicKey) {
        var fields = line.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
        guard let name = fields.first, fields.count >= 3 else {
            throw CustodyError(.malformed, "must be a name and a key, like: anna ssh-ed25519 AAAA...")
        }
        guard name.utf8.count <= 128,
            name.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !"*?,!\"".utf8.contains($0) })
        else { throw CustodyError(.malformed, "the name must be one person's, without patterns and commas") }
        fields.removeFirst()
        if fields[0] == #"namespaces="\#(CutOffStatement.namespace)""# { fields.removeFirst() }
        guard SSHPublicKey.Algorithm(rawValue: fields[0]) != nil else {
            throw CustodyError(.unsupported, "has an option or a type of key that is not supported")
        }
        return (name, try SSHPublicKey(line: fields.joined(separator: " ")))
    }
}
