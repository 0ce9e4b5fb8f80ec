import StrictEncoding

/// A person's word that a secret is not to be opened any more: a file that `ssh-keygen -Y sign -n envelope@vault-appliance`
/// signs.
package struct SecretRemoval: Sendable, Equatable {
    private static let format = "vault-secret-removal/1"

    package let name: String
    /// The version that is removed: the current one, so that an old word removes nothing that came later.
    package let version: Int64
    package let appliance: String

    /// A removal.
    package init(name: String, version: Int64, appliance: String) {
        (self.name, self.version, self.appliance) = (name, version, appliance)
    }

    /// The file's bytes.
    package var bytes: [UInt8] {
        JSONWriter.canonical([
            "format": .string(SecretRemoval.format), "name": .string(name), "version": .integer(version),
            "appliance": .string(appliance),
        ]) + [0x0A]
    }

    /// Who says so; nil under development custody, where nobody is asked.
    package func remover(signature: String?, under manifest: Manifest) throws(CustodyError) -> String? {
        guard appliance == manifest.appliance else {
            throw CustodyError(.foreign, "the removal is for another appliance")
        }
        guard manifest.custody == .quorum else { return nil }
        guard let signature else {
            throw CustodyError(.badSignature, "the removal is not signed: a custodian or approver signs it")
        }
        return try Quorum.signer(of: bytes, signature: signature, for: .envelope, among: manifest.people).name
    }
}
