import StrictEncoding

extension Manifest {
    /// Checks what quorum custody demands of a manifest: its people, their keys, their shares.
    func validateQuorum() throws(SchemaFault) {
        guard Hexadecimal.decode(appliance)?.count == 16 else {
            throw SchemaFault(path: "appliance", problem: "must be 32 hexadecimal digits")
        }
        guard (version == 1) == (previous == nil) else {
            throw SchemaFault(path: "previous", problem: "must be there from version 2 on, and not before")
        }
        guard let hostKey, (try? SSHPublicKey(line: hostKey)) != nil else {
            throw SchemaFault(path: "host_key", problem: "must be an OpenSSH public key")
        }
        guard threshold >= 2, threshold <= Int64(custodians.count), custodians.count <= Shamir.mostShares else {
            throw SchemaFault(
                path: "threshold", problem: "must be from 2 to the number of custodians, of whom there are at most 16")
        }
        guard dials.configApprovals <= Int64(approvers.count) else {
            throw SchemaFault(path: "dials.config_approvals", problem: "must not be more than there are approvers")
        }
        try validatePeople(hostKey: hostKey)
        try validateShares()
    }

    /// One person, one role, one key: nobody is two custodians under two names.
    private func validatePeople(hostKey: String) throws(SchemaFault) {
        var names: Set<String> = []
        var keys: Set<SSHPublicKey> = []
        var recipients: Set<AgeRecipient> = []
        if let key = try? SSHPublicKey(line: hostKey) { keys.insert(key) }
        let people =
            custodians.enumerated().map { ("custodians[\($0.offset)]", $0.element, true) }
            + approvers.enumerated().map { ("approvers[\($0.offset)]", $0.element, false) }
        for (path, person, isCustodian) in people {
            guard Manifest.isName(person.name), names.insert(person.name).inserted else {
                throw SchemaFault(
                    path: "\(path).name", problem: "must be a-z, 0-9, '.', '_' or '-', and nobody else's in any role")
            }
            guard let key = try? SSHPublicKey(line: person.sshKey), keys.insert(key).inserted else {
                throw SchemaFault(path: "\(path).ssh_key", problem: "must be an OpenSSH public key of nobody else's")
            }
            guard isCustodian else { continue }
            guard let recipient = person.ageRecipient.flatMap({ try? AgeRecipient($0) }),
                recipients.insert(recipient).inserted
            else {
                throw SchemaFault(
                    path: "\(path).age_recipient", problem: "must be an age recipient (age1...) of nobody else's")
            }
        }
    }

    private func validateShares() throws(SchemaFault) {
        guard let activation else { throw SchemaFault(path: "activation", problem: "is missing") }
        let named = activation.shares.map(\.custodian)
        guard named.sorted() == custodians.map(\.name).sorted() else {
            throw SchemaFault(path: "activation.shares", problem: "must hold one share for each custodian")
        }
        guard activation.shares.map(\.index).sorted() == Array(1...Int64(custodians.count)) else {
            throw SchemaFault(path: "activation.shares", problem: "must have the indices from 1 on")
        }
        guard activation.shares.allSatisfy({ Hexadecimal.decode($0.commitment)?.count == 32 }),
            Set(activation.shares.map(\.commitment)).count == activation.shares.count
        else { throw SchemaFault(path: "activation.shares", problem: "must have commitments of 64 digits that differ") }
    }

    /// Whether a text may name a person: it stands in file names and in the log.
    package static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count) && text.utf8.first != UInt8(ascii: ".")
            && text.utf8.allSatisfy { byte in
                (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || "._-".utf8.contains(byte)
            }
    }

    /// Whether a key is the host key that this manifest names.
    package func names(hostKey key: SSHPublicKey) -> Bool {
        hostKey.flatMap { try? SSHPublicKey(line: $0) } == key
    }

    /// Everybody who may give orders alone: seal, cancel, quarantine.
    package var people: [Person] { custodians + approvers }
}
