import Custody
import StrictEncoding

/// The shares of an epoch on their way to the custodians: one age file each, and what the manifest will say of them.
struct EpochShares {
    private static let file = "shares.json"
    let ceremony: CoreCeremony
    let epoch: Int64
    let people: PlannedPeople

    private func path(_ name: String) -> String { "\(ceremony.directory.shares)/\(name).age" }

    /// Draws an activation secret, encrypts each custodian's share of it, and forgets it: custodians alone can say it again.
    func make() throws {
        guard let number = UInt32(exactly: epoch) else {
            throw CustodyError(.unsupported, "there are no epochs beyond \(UInt32.max)")
        }
        let shares = try Share.make(
            of: try LockedBytes.random(count: Share.secretLength), appliance: ceremony.base.appliance,
            epoch: number, threshold: Int(people.threshold), count: people.custodians.count)
        var listed: [JSONValue] = []
        for (person, share) in zip(people.custodians, shares) {
            let file = try AgeFile.encrypt(share.encoded, to: [try AgeRecipient(person.ageRecipient ?? "")])
            try PrivateFile.create(path(person.name), file, mode: 0o600)
            listed.append([
                "custodian": .string(person.name), "index": .integer(Int64(share.index)),
                "commitment": .string(share.commitment),
            ])
        }
        try PrivateFile.syncDirectory(ceremony.directory.shares)
        try ceremony.write(EpochShares.file, ["epoch": .integer(epoch), "shares": .array(listed)])
    }

    /// What the manifest says of them; nil before they were made.
    func activation() throws -> Manifest.Activation? {
        guard let json = try ceremony.read(EpochShares.file) else { return nil }
        var reader = try ObjectReader(json)
        var activation = Manifest.Activation(
            epoch: try reader.integer("epoch", in: 1...Int64(UInt32.max)), shares: [])
        for element in try reader.elements("shares") {
            var share = try ObjectReader(element.value, path: element.path)
            activation.shares.append(
                .init(
                    custodian: try share.string("custodian"),
                    index: try share.integer("index", in: 1...Int64(Shamir.mostShares)),
                    commitment: try share.string("commitment")))
        }
        return activation
    }

    /// The shares as they stand in the transcript; nil unless every file is there.
    func evidence() throws -> JSONObject? {
        guard let activation = try activation(), activation.epoch == epoch,
            activation.shares.map(\.custodian) == people.custodians.map(\.name),
            people.custodians.allSatisfy({ ceremony.directory.exists(path($0.name)) })
        else { return nil }
        return [
            "epoch": .integer(epoch), "threshold": .integer(people.threshold),
            "shares": .array(
                activation.shares.map { share in
                    [
                        "custodian": .string(share.custodian), "index": .integer(share.index),
                        "commitment": .string(share.commitment),
                    ]
                }),
        ]
    }

    /// Removes every file.
    func remove() throws {
        for person in people.custodians { try PrivateFile.remove(path(person.name)) }
        try ceremony.forget(EpochShares.file)
    }
}
