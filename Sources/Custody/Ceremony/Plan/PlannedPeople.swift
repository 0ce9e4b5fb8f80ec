import StrictEncoding

/// Who holds the shares from a ceremony on, who approves configurations, and what a quorum decides to relax.
package struct PlannedPeople: Sendable, Equatable {
    package var custodians: [Manifest.Person]
    package var approvers: [Manifest.Person]
    /// How many custodians it takes.
    package var threshold: Int64
    package var dials: Manifest.Dials

    /// The people of an epoch.
    package init(
        custodians: [Manifest.Person], approvers: [Manifest.Person], threshold: Int64, dials: Manifest.Dials
    ) {
        self.custodians = custodians
        self.approvers = approvers
        self.threshold = threshold
        self.dials = dials
    }

    /// Reads `custodians`, `threshold`, `approvers` and `dials`.
    package init(_ reader: PlanReader) {
        custodians = reader.parts("custodians", 2...Shamir.mostShares).map {
            PlannedPeople.person($0, isCustodian: true)
        }
        threshold = reader.integer("threshold", 2...Int64(Shamir.mostShares))
        if threshold > Int64(custodians.count), !custodians.isEmpty {
            reader.fault(
                "threshold", "is more than there are custodians", mend: "name more custodians, or lower it")
        }
        approvers = reader.parts("approvers", 0...Shamir.mostShares).map {
            PlannedPeople.person($0, isCustodian: false)
        }
        let part = reader.part("dials", isRequired: false)
        dials = Manifest.Dials(
            configApprovals: part?.integer("config_approvals", 0...16, missing: 0) ?? 0,
            unattendedStart: part?.flag("unattended_start", missing: false) ?? false,
            restartGrace: part?.seconds("restart_grace", 0...7200, missing: 0) ?? 0,
            fileTLSKeys: part?.flag("file_tls_keys", missing: false) ?? false)
        part?.finish()
        if dials.configApprovals > Int64(approvers.count) {
            part?.fault(
                "config_approvals", "is more than there are approvers", mend: "name more approvers, or lower it")
        }
    }

    /// A custodian, an approver or a witness, by public keys.
    static func person(_ reader: PlanReader, isCustodian: Bool) -> Manifest.Person {
        let key = reader.text(
            "ssh_key", "must be an OpenSSH public key of an accepted type",
            mend: "copy it from the enrolment; it is a line like: ssh-ed25519 AAAA..."
        ) { (try? SSHPublicKey(line: $0)) != nil }
        let person = Manifest.Person(
            name: reader.person("name"), sshKey: (try? SSHPublicKey(line: key))?.line ?? "",
            ageRecipient: isCustodian
                ? reader.text(
                    "age_recipient", "must be an age recipient (age1...)", mend: "copy it from the enrolment"
                ) { (try? AgeRecipient($0)) != nil } : nil)
        reader.finish()
        return person
    }

    /// One person, one role, one key: reports whoever stands twice among these and `others`.
    func checkApart(_ reader: PlanReader, others: [Manifest.Person]) {
        var (names, keys, recipients): (Set<String>, Set<String>, Set<String>) = ([], [], [])
        for person in custodians + approvers + others {
            let isNew = names.insert(person.name).inserted
            if !person.name.isEmpty, !isNew {
                reader.fault(
                    "people (\(person.name))", "stands twice", mend: "one person has one role: name somebody else")
            }
            if !person.sshKey.isEmpty, !keys.insert(person.sshKey).inserted {
                reader.fault(
                    "people (\(person.name))", "has the SSH key of somebody else",
                    mend: "nobody is two persons: enrol another key")
            }
            if let recipient = person.ageRecipient, !recipient.isEmpty, !recipients.insert(recipient).inserted {
                reader.fault(
                    "people (\(person.name))", "has the age recipient of somebody else",
                    mend: "nobody holds two shares: enrol another identity")
            }
        }
    }

    /// Adds these members to a plan's parameters.
    func add(to object: inout JSONObject) {
        object["custodians"] = .array(custodians.map(\.planJSON))
        object["threshold"] = .integer(threshold)
        object["approvers"] = .array(approvers.map(\.planJSON))
        object["dials"] = dials.json
    }
}

extension Manifest.Person {
    /// As it stands in a plan; what a person does not have is left out.
    var planJSON: JSONValue {
        var object = JSONObject()
        object["name"] = .string(name)
        object["ssh_key"] = .string(sshKey)
        if let ageRecipient { object["age_recipient"] = .string(ageRecipient) }
        return .object(object)
    }
}
