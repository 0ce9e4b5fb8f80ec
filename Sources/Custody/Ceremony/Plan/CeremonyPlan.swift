import Crypto
package import StrictEncoding

/// What a ceremony is to do: the only input there is, approved by m signatures over exactly these bytes.
package struct CeremonyPlan: Sendable, Equatable {
    /// Whether the ceremony must have been rehearsed before it runs.
    package enum Rehearsal: String, Sendable, CaseIterable {
        case required, waived
    }

    /// The only format there is.
    package static let format = "vault-ceremony-plan/1"
    /// The longest plan that is read, in bytes.
    package static let maximumBytes = 1 << 17
    /// How long a plan may be good for, in seconds: a month.
    package static let longestLifetime: Int64 = 31 * 86_400

    /// Why, for people.
    package var purpose: String
    /// Who runs it; never one of the custodians.
    package var administrator: String
    package var rehearsal: Rehearsal
    /// Who watch and sign that they saw it.
    package var witnesses: [Manifest.Person]
    /// The appliance it is for; a genesis draws it.
    package var appliance: String
    /// Random: an approval is good for one ceremony.
    package var nonce: String
    package var created: UnixTime
    package var expires: UnixTime
    /// Version and hash of the manifest in force; nil for a genesis.
    package var manifest: ManifestReference?
    package var parameters: CeremonyParameters

    /// A manifest by version and hash.
    package struct ManifestReference: Sendable, Equatable {
        package var version: Int64
        package var hash: String

        /// A reference to a manifest.
        package init(_ manifest: Manifest) { (version, hash) = (manifest.version, manifest.hash) }

        fileprivate init(version: Int64, hash: String) { (self.version, self.hash) = (version, hash) }
    }

    /// The kind.
    package var kind: CeremonyKind { parameters.kind }

    /// The bytes of `plan.json`, which custodians sign.
    package var bytes: [UInt8] { JSONWriter.canonical(json) + [0x0A] }

    /// SHA-256 of the file, in hexadecimal.
    package var hash: String { Hexadecimal.string(SHA256.hash(data: bytes)) }

    /// Four words that say 64 bits of the hash, to be read aloud.
    package var words: String { Proquint.words(Array(SHA256.hash(data: bytes))[..<8]).joined(separator: "-") }

    /// Names the ceremony: its kind and the start of the hash.
    package var id: String { "\(kind.rawValue)-\(hash.prefix(12))" }

    /// Whether a text can be a ceremony's id: it stands in paths.
    package static func isID(_ text: String) -> Bool {
        guard let cut = text.lastIndex(of: "-"), CeremonyKind(rawValue: String(text[..<cut])) != nil else {
            return false
        }
        let digits = text[text.index(after: cut)...]
        return digits.utf8.count == 12 && Hexadecimal.decode(digits) != nil
    }
}

extension CeremonyPlan {
    /// Makes a plan of what a person wrote (decoded from YAML); throws every fault at once.
    ///
    /// `manifest` is the one in force, nil before there is any; `random` returns that many random bytes.
    package init(
        draft value: JSONValue, manifest: Manifest?, now: UnixTime, random: (Int) -> [UInt8]
    ) throws(PlanError) {
        let reader = PlanReader(value)
        let kind = reader.choice("ceremony", of: CeremonyKind.self, placeholder: .genesis)
        let lifetime = reader.seconds("valid_for", 60...CeremonyPlan.longestLifetime, missing: 86_400)
        self.init(reader, kind)
        reader.finish()
        parameters.refuseDialsWithoutEffect(reader, inForce: manifest?.dials)
        (appliance, nonce) = (manifest?.appliance ?? Hexadecimal.string(random(16)), Hexadecimal.string(random(16)))
        (created, expires) = (now, now.adding(seconds: lifetime))
        self.manifest = manifest.map(ManifestReference.init)
        if let manifest { check(reader, against: manifest) }
        if kind == .genesis, manifest != nil {
            reader.fault("ceremony", "is genesis, but there is a manifest", mend: "an appliance has one genesis")
        }
        if kind != .genesis, manifest == nil {
            reader.fault("ceremony", "needs a manifest in force", mend: "hold the genesis first")
        }
        try reader.check()
    }

    /// Looks through what a person wrote, as far as that needs no appliance; throws every fault at once.
    package static func check(draft value: JSONValue) throws(PlanError) -> CeremonyKind {
        let reader = PlanReader(value)
        let kind = reader.choice("ceremony", of: CeremonyKind.self, placeholder: .genesis)
        _ = reader.seconds("valid_for", 60...CeremonyPlan.longestLifetime, missing: 86_400)
        let plan = CeremonyPlan(reader, kind)
        reader.finish()
        plan.parameters.refuseDialsWithoutEffect(reader, inForce: nil)
        try reader.check()
        return kind
    }

    /// What all plans say, and the parameters; the rest is filled in by the caller.
    private init(_ reader: PlanReader, _ kind: CeremonyKind) {
        purpose = reader.line("purpose")
        administrator = reader.person("administrator")
        rehearsal = reader.choice("rehearsal", of: Rehearsal.self, missing: .required, placeholder: .required)
        witnesses = reader.parts("witnesses", 0...16).map { PlannedPeople.person($0, isCustodian: false) }
        let runner = Manifest.Person(name: administrator, sshKey: "", ageRecipient: nil)
        parameters = CeremonyParameters(kind, reader, others: witnesses + [runner])
        (appliance, nonce, manifest) = ("", "", nil)
        (created, expires) = (UnixTime(seconds: 0), UnixTime(seconds: 0))
    }

    /// One person, one role: neither the administrator nor a witness is one of the m.
    private func check(_ reader: PlanReader, against manifest: Manifest) {
        for (field, person) in [("administrator", administrator)] + witnesses.map({ ("witnesses", $0.name) })
        where manifest.custodians.contains(where: { $0.name == person }) && !person.isEmpty {
            reader.fault(field, "\(person) is a custodian", mend: "one person has one role: name somebody else")
        }
        for witness in witnesses
        where manifest.people.contains(where: { $0.sshKey == witness.sshKey }) && !witness.sshKey.isEmpty {
            reader.fault("witnesses", "\(witness.name) has the key of another person", mend: "name somebody else")
        }
    }

    private var json: JSONValue {
        var object = JSONObject()
        object["format"] = .string(CeremonyPlan.format)
        object["ceremony"] = .string(kind.rawValue)
        object["purpose"] = .string(purpose)
        object["administrator"] = .string(administrator)
        object["rehearsal"] = .string(rehearsal.rawValue)
        object["witnesses"] = .array(witnesses.map(\.planJSON))
        object["appliance"] = .string(appliance)
        object["nonce"] = .string(nonce)
        object["created"] = .string(created.rfc3339)
        object["expires"] = .string(expires.rfc3339)
        if let manifest {
            object["manifest"] = ["version": .integer(manifest.version), "hash": .string(manifest.hash)]
        }
        parameters.add(to: &object)
        return .object(object)
    }

    /// Reads `plan.json`; anything but the bytes that `bytes` would write is refused.
    package init(file: [UInt8]) throws(CustodyError) {
        guard file.count <= CeremonyPlan.maximumBytes else { throw CustodyError(.malformed, "the plan is too long") }
        do {
            let reader = PlanReader(try JSONParser.parse(file))
            _ = reader.text("format", "must be \(CeremonyPlan.format)", mend: "use a build that reads it") {
                $0 == CeremonyPlan.format
            }
            self.init(reader, reader.choice("ceremony", of: CeremonyKind.self, placeholder: .genesis))
            (appliance, nonce) = (reader.digits("appliance", 32), reader.digits("nonce", 32))
            (created, expires) = (reader.time("created"), reader.time("expires"))
            if let part = reader.part("manifest", isRequired: false) {
                manifest = ManifestReference(
                    version: part.integer("version", 1...JSONValue.safeIntegers.upperBound),
                    hash: part.digits("hash", 64))
                part.finish()
            }
            reader.finish()
            try reader.check()
        } catch {
            throw CustodyError(.malformed, "the plan is not one: \(error)")
        }
        guard bytes == file, expires <= created.adding(seconds: CeremonyPlan.longestLifetime),
            (manifest == nil) == (kind == .genesis)
        else { throw CustodyError(.malformed, "the plan is not as the ceremony wrote it: it was edited") }
    }
}
