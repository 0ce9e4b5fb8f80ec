package import Custody

/// A custodian or an approver whose keys are in memory.
package struct SoftwareCustodian: Sendable {
    package let name: String
    package let ssh: SSHPrivateKey
    package let age: AgeIdentity

    /// Somebody with new keys.
    package init(_ name: String) throws(CustodyError) {
        self.name = name
        ssh = try SSHPrivateKey()
        age = try AgeIdentity()
    }

    /// As a manifest names a custodian.
    package var custodian: Manifest.Person {
        Manifest.Person(name: name, sshKey: ssh.publicKey.line, ageRecipient: age.recipient.description)
    }

    /// As a manifest names an approver.
    package var approver: Manifest.Person {
        Manifest.Person(name: name, sshKey: ssh.publicKey.line, ageRecipient: nil)
    }

    /// An armored signature.
    package func sign(_ bytes: [UInt8], _ purpose: SignaturePurpose) throws(CustodyError) -> String {
        try ssh.sign(bytes, namespace: purpose.namespace)
    }
}
