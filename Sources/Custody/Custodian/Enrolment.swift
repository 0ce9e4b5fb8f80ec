import StrictEncoding

/// What a person gives to be a custodian or an approver: a name and public keys, nothing secret.
package struct Enrolment: Sendable, Equatable {
    private static let format = "vault-enrolment/1"

    package let person: Manifest.Person

    /// An enrolment of checked keys.
    package init(name: String, sshKey: String, ageRecipient: String?) throws(CustodyError) {
        guard Manifest.isName(name) else {
            throw CustodyError(.malformed, "a name must have 1 to 64 of a-z, 0-9, '.', '_' and '-'")
        }
        person = Manifest.Person(
            name: name, sshKey: try SSHPublicKey(line: sshKey).line,
            ageRecipient: try Enrolment.checked(ageRecipient))
    }

    private static func checked(_ recipient: String?) throws(CustodyError) -> String? {
        guard let recipient else { return nil }
        return try AgeRecipient(recipient).description
    }

    /// The file's bytes.
    package var bytes: [UInt8] {
        var object = JSONObject()
        object["format"] = .string(Enrolment.format)
        object["name"] = .string(person.name)
        object["ssh_key"] = .string(person.sshKey)
        object["age_recipient"] = person.ageRecipient.map { .string($0) } ?? .null
        return JSONWriter.canonical(.object(object)) + [0x0A]
    }

    /// Reads an enrolment's file.
    package init(file: [UInt8]) throws(CustodyError) {
        let fields: (String, String, String?)
        do {
            var reader = try ObjectReader(try JSONParser.parse(file))
            guard try reader.string("format") == Enrolment.format else {
                throw reader.fault("format", "must be \(Enrolment.format)")
            }
            fields = (
                try reader.string("name"), try reader.string("ssh_key"), try reader.optionalString("age_recipient")
            )
            try reader.finish()
        } catch {
            throw CustodyError(.malformed, "the enrolment is not one: \(error)")
        }
        try self.init(name: fields.0, sshKey: fields.1, ageRecipient: fields.2)
    }
}
