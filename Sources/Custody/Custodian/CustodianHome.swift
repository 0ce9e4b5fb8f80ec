package import StrictEncoding

/// A custodian's own directory, on the custodian's own computer: keys, and for each appliance a pin and a share.
package struct CustodianHome: Sendable {
    package let directory: String

    /// A custodian's directory.
    package init(directory: String) { self.directory = directory }

    /// The SSH private key, or for a FIDO key its handle.
    package var sshKey: String { "\(directory)/id_ssh" }
    /// The public half of it.
    package var sshPublicKey: String { "\(directory)/id_ssh.pub" }
    /// The age identity.
    package var identity: String { "\(directory)/identity" }
    /// What is handed to the administrator.
    package var enrolment: String { "\(directory)/enrolment.json" }

    func place(_ appliance: String) -> String { "\(directory)/appliances/\(appliance)" }

    /// Makes an age identity unless there is one, and writes the enrolment; the SSH key must be there.
    package func enrol(name: String) throws(CustodyError) -> Enrolment {
        let line = String(decoding: try PrivateFile.readPublic(sshPublicKey, limit: 65_536), as: UTF8.self)
        let recipient: AgeRecipient
        if let existing = try? PrivateFile.read(identity) {
            recipient = try AgeIdentity(file: existing).recipient
        } else {
            let made = try AgeIdentity()
            try PrivateFile.create(identity, try made.fileContents())
            recipient = made.recipient
        }
        let enrolment = try Enrolment(name: name, sshKey: line, ageRecipient: recipient.description)
        try PrivateFile.replace(self.enrolment, enrolment.bytes)
        return enrolment
    }

    /// Accepts an appliance, or a later manifest of it: verifies the chain, that this custodian is in it, and the share.
    ///
    /// `share` is needed when the epoch is new to this custodian.
    package func accept(chain: ManifestChain, share: [UInt8]?) throws(CustodyError) -> CustodianPin {
        let manifest = chain.current
        guard Hexadecimal.decode(manifest.appliance)?.count == 16 else {
            throw CustodyError(.malformed, "the appliance id is not one")
        }
        if let pin = try pin(of: manifest.appliance) { try pin.check(chain) }
        let person = try me(in: manifest)
        let file: [UInt8]
        if let share { file = share } else { file = try PrivateFile.readPublic(sharePath(manifest)) }
        try check(try openShare(file), of: person, manifest)
        try PrivateFile.makeDirectory(place(manifest.appliance))
        try PrivateFile.replace(sharePath(manifest), file, mode: 0o600)
        return try remember(chain)
    }

    /// Verifies a request and returns the share, encrypted to it: the file that this custodian then signs.
    ///
    /// Nothing is opened before the request, its signature and its manifests agree with what was pinned; what they say is
    /// pinned from then on. `newShare` is one of an epoch that is not in force yet, which a rotation wants proven: of that
    /// epoch nothing is remembered here. Its holder, if a newcomer, has met the appliance before.
    package func contribution(
        to request: ActivationRequest, signature: String, chain: ManifestChain, now: UnixTime,
        newShare: [UInt8]? = nil
    ) throws(CustodyError) -> [UInt8] {
        guard try check(request, signature: signature, chain: chain, now: now, hasNewShare: newShare != nil) else {
            throw CustodianHome.neverAccepted(request.appliance)
        }
        let person = try me(in: chain.current)
        let file: [UInt8]
        if let newShare { file = newShare } else { file = try PrivateFile.readPublic(sharePath(chain.current)) }
        let share = try openShare(file)
        try check(share, of: person, chain.current)
        let answer = try AgeFile.encrypt(share.encoded, to: [try AgeRecipient(request.recipient)])
        try remember(chain, shownBy: request)
        return answer
    }

    /// Verifies a request against what was pinned, and opens nothing.
    ///
    /// - Returns: Whether the appliance was accepted here; if not, it is a rotation that wants a new share proven, and
    ///   nothing vouches for its manifests before a person has confirmed their genesis.
    @discardableResult
    package func check(
        _ request: ActivationRequest, signature: String, chain: ManifestChain, now: UnixTime, hasNewShare: Bool
    ) throws(CustodyError) -> Bool {
        let pin = try pin(of: request.appliance)
        guard pin != nil || (hasNewShare && request.provesNewShares) else {
            throw CustodianHome.neverAccepted(request.appliance)
        }
        try pin?.check(chain)
        try request.verify(signature: signature, chain: chain, now: now)
        _ = try settled(chain, shownBy: request)
        _ = try me(in: chain.current)
        return pin != nil
    }

    private static func neverAccepted(_ appliance: String) -> CustodyError {
        CustodyError(.foreign, "the appliance \(appliance) was never accepted here: custodian accept comes first")
    }

    private func sharePath(_ manifest: Manifest) -> String {
        "\(place(manifest.appliance))/share-\(manifest.activation?.epoch ?? 0).age"
    }

    private func me(in manifest: Manifest) throws(CustodyError) -> Manifest.Person {
        let line = String(decoding: try PrivateFile.readPublic(sshPublicKey, limit: 65_536), as: UTF8.self)
        return try Quorum.owner(of: try SSHPublicKey(line: line), among: manifest.custodians)
    }

    private func openShare(_ file: [UInt8]) throws(CustodyError) -> Share {
        let identity = try AgeIdentity(file: try PrivateFile.read(identity))
        return try Share(decoding: try AgeFile.decrypt(file, with: identity))
    }

    private func check(_ share: Share, of person: Manifest.Person, _ manifest: Manifest) throws(CustodyError) {
        let expected = manifest.activation?.shares.first { $0.custodian == person.name }
        guard share.appliance == manifest.appliance, Int64(share.epoch) == manifest.activation?.epoch,
            expected?.index == Int64(share.index), expected?.commitment == share.commitment
        else {
            throw CustodyError(.wrongShare, "this is not the share that the manifest promises to \(person.name)")
        }
    }
}
