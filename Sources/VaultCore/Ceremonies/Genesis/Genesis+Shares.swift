import Custody
import HSMBridge
import StrictEncoding
import Synchronization

extension Genesis {
    private static let epoch: Int64 = 1
    private var sharesFile: String { "shares.json" }

    /// Draws the activation secret, seals the PINs under it, and encrypts each custodian's share; then forgets it.
    ///
    /// Nothing here changes a token: whoever dies leaves files that are thrown away, and begins anew with another secret.
    var sharesStep: CeremonyStep {
        CeremonyStep(
            name: "shares", title: "Draw the activation secret and encrypt a share of it to each custodian",
            act: { try await self.makeShares() },
            verify: {
                guard let shares = try self.shares(), let pins = try? self.site.custody.readPINs(epoch: Genesis.epoch),
                    pins.serials == (try self.plan.tokens.indices.map { try self.token($0).serial }.sorted())
                else { return nil }
                for share in shares.shares {
                    guard self.directory.exists("\(self.directory.shares)/\(share.custodian).age") else { return nil }
                }
                return [
                    "epoch": .integer(shares.epoch), "threshold": .integer(self.plan.people.threshold),
                    "shares": .array(
                        shares.shares.map { share in
                            [
                                "custodian": .string(share.custodian), "index": .integer(share.index),
                                "commitment": .string(share.commitment),
                            ]
                        }), "sealed_pins": .array(pins.serials.map { .string($0) }),
                ]
            }, undo: { try self.removeShares() })
    }

    private func makeShares() async throws {
        let people = plan.people
        let secret = try LockedBytes.random(count: Share.secretLength)
        var pins = WrappedPINs(appliance: ceremony.plan.appliance, epoch: Genesis.epoch)
        for index in plan.tokens.indices {
            let pin = plan.tokens[index].userPIN == .keep ? try await userPIN(index) : try await finalPIN(index)
            try pins.wrap(pin, serial: try token(index).serial, under: secret)
        }
        let shares = try Share.make(
            of: secret, appliance: ceremony.plan.appliance, epoch: UInt32(Genesis.epoch),
            threshold: Int(people.threshold), count: people.custodians.count)
        var listed: [JSONValue] = []
        for (person, share) in zip(people.custodians, shares) {
            let file = try AgeFile.encrypt(share.encoded, to: [try AgeRecipient(person.ageRecipient ?? "")])
            try PrivateFile.create("\(directory.shares)/\(person.name).age", file, mode: 0o600)
            listed.append([
                "custodian": .string(person.name), "index": .integer(Int64(share.index)),
                "commitment": .string(share.commitment),
            ])
        }
        try PrivateFile.syncDirectory(directory.shares)
        try site.custody.add(pins)
        try write(sharesFile, ["epoch": .integer(Genesis.epoch), "shares": .array(listed)])
    }

    /// A random PIN as long as the token takes.
    private func finalPIN(_ index: Int) async throws -> LockedBytes {
        let report = try await site.child.run(
            .examine(uri: try token(index).uri), module: plan.tokens[index].module, secrets: [try await userPIN(index)])
        return try Genesis.randomPIN(longest: report.maximumPINLength)
    }

    /// What the manifest says of the shares; nil before they were made.
    func shares() throws -> Manifest.Activation? {
        try read(sharesFile) { json in
            var reader = try ObjectReader(json)
            let epoch = try reader.integer("epoch", in: 1...Int64(UInt32.max))
            var shares: [Manifest.Activation.Share] = []
            for element in try reader.elements("shares") {
                var share = try ObjectReader(element.value, path: element.path)
                shares.append(
                    .init(
                        custodian: try share.string("custodian"), index: try share.integer("index", in: 1...16),
                        commitment: try share.string("commitment")))
            }
            return Manifest.Activation(epoch: epoch, shares: shares)
        }
    }

    private func removeShares() throws {
        for person in plan.people.custodians { try PrivateFile.remove("\(directory.shares)/\(person.name).age") }
        try PrivateFile.remove(site.custody.pinsFile(epoch: Genesis.epoch))
        try forget(sharesFile)
    }
}
