import Custody

/// Somebody whose keys live as long as a rehearsal, in the place of a custodian, an approver or a witness.
struct RehearsalStandIn: Sendable {
    let name: String
    private let ssh: SSHPrivateKey
    private let age: AgeIdentity

    /// Somebody of this name.
    init(_ name: String) throws(CustodyError) {
        self.name = name
        (ssh, age) = (try SSHPrivateKey(), try AgeIdentity())
    }

    /// As a plan or a manifest names the person.
    func person(isCustodian: Bool) -> Manifest.Person {
        Manifest.Person(
            name: name, sshKey: ssh.publicKey.line, ageRecipient: isCustodian ? age.recipient.description : nil)
    }

    /// An armored signature.
    func sign(_ bytes: [UInt8], _ purpose: SignaturePurpose) throws(CustodyError) -> String {
        try ssh.sign(bytes, namespace: purpose.namespace)
    }

    /// Opens the person's share.
    func open(_ file: [UInt8]) throws(CustodyError) -> LockedBytes { try AgeFile.decrypt(file, with: age) }

    /// What the person sends: the share to the request's recipient, signed for that request.
    func contribution(
        _ share: LockedBytes, to request: ActivationRequest
    ) throws(CustodyError) -> (file: [UInt8], signature: String) {
        let file = try AgeFile.encrypt(share, to: [try AgeRecipient(request.recipient)])
        return (file, try sign(file, .contribution(request: request.hash)))
    }
}
