import Custody
import HSMBridge
import StrictEncoding

extension Genesis {
    private func keysFile(_ index: Int) -> String { "keys-\(index + 1).json" }

    /// Makes the plan's keys in a token; afterwards a fresh process must see exactly these.
    func keysStep(_ index: Int) -> CeremonyStep {
        CeremonyStep(
            name: name("keys", index), title: "Generate \(plan.keys.count) keys in the token \(title(index))",
            act: { try await self.makeKeys(index) },
            verify: { try await self.evidenceOfKeys(index) },
            undo: { try await self.destroyKeys(index) })
    }

    /// Opens a token in this process for as long as `body` takes.
    private func withHSM<Answer: Sendable>(_ index: Int, _ body: (HSM) async throws -> Answer) async throws -> Answer {
        let pin = try await userPIN(index)
        let hsm = try await HSM.open(
            modulePath: plan.tokens[index].module, token: try TokenURI(try token(index).uri), pin: try PIN(pin))
        do {
            let answer = try await body(hsm)
            _ = await hsm.shutdown()
            return answer
        } catch {
            // Else the token stays logged in, and a second try in this process is refused for that alone.
            _ = await hsm.shutdown()
            throw error
        }
    }

    private func makeKeys(_ index: Int) async throws {
        let serial = try token(index).serial
        let keys = try await withHSM(index) { hsm in
            var keys: [ManifestKey] = []
            for key in self.plan.keys { keys.append(try await Genesis.make(key, serial, hsm)) }
            return keys
        }
        try write(keysFile(index), .array(keys.map(\.recorded)))
    }

    private static func make(_ key: PlannedKey, _ serial: String, _ hsm: HSM) async throws -> ManifestKey {
        guard let algorithm = KeyAlgorithm(rawValue: key.algorithm),
            let purpose = KeyPurpose(rawValue: key.purpose.rawValue)
        else {
            throw CustodyError(
                .unsupported, "key \(key.label): no token makes \(key.purpose.rawValue) with \(key.algorithm)")
        }
        let made = try await hsm.generate(
            KeySpecification(label: key.label, algorithm: algorithm, purpose: purpose))
        let jwk = made.reference.publicKey.jwk
        return ManifestKey(
            kid: ManifestKey.thumbprint(of: jwk), label: key.label, id: Hexadecimal.string(made.reference.id),
            token: serial, algorithm: key.algorithm, purpose: key.purpose, state: .active, provenance: .generated,
            jwk: jwk, evidence: made.evidence, gate: key.gate)
    }

    /// The keys that were made in a token; nil before.
    func keys(_ index: Int) throws -> [ManifestKey]? {
        try read(keysFile(index)) { json in
            try (json.array ?? []).map { try ManifestKey(recorded: $0) }
        }
    }

    private func evidenceOfKeys(_ index: Int) async throws -> JSONObject? {
        guard let keys = try keys(index), keys.map(\.label) == plan.keys.map(\.label) else { return nil }
        let objects = try await inventory(index)
        try Genesis.compare(objects, with: keys, token: title(index))
        return [
            "token": .string(try token(index).serial), "objects": .integer(Int64(objects.count)),
            "keys": .array(keys.map(\.recorded)),
        ]
    }

    /// What a fresh process sees on the token.
    func inventory(_ index: Int) async throws -> [TokenObject] {
        let report = try await site.child.run(
            .examine(uri: try token(index).uri), module: plan.tokens[index].module, secrets: [try await userPIN(index)])
        return report.objects ?? []
    }

    /// Exactly the plan's keys, two halves each: one object more or less is a fault.
    static func compare(_ objects: [TokenObject], with keys: [ManifestKey], token: String) throws(CustodyError) {
        var wanted = Set(keys.flatMap { key in ["privateKey", "publicKey"].map { "\($0) \(key.id) \(key.label)" } })
        for object in objects {
            let name = "\(object.kind.rawValue) \(Hexadecimal.string(object.id)) \(object.label)"
            guard wanted.remove(name) != nil else {
                throw CustodyError(
                    .foreign,
                    "the token \(token) holds an object that the plan does not name: \(object.kind.rawValue) "
                        + "\"\(object.label.prefix(64))\". Abort, and find out who put it there")
            }
            guard object.kind != .privateKey || object.attributes["CKA_SENSITIVE"] == true else {
                throw CustodyError(.foreign, "the key \(object.label) of the token \(token) is not sensitive")
            }
        }
        guard let missing = wanted.sorted().first else { return }
        throw CustodyError(.foreign, "the token \(token) lacks an object that was made: \(missing)")
    }

    /// The token was empty when the ceremony adopted it: what is on it under the plan's labels is the ceremony's.
    private func destroyKeys(_ index: Int) async throws {
        let labels = Set(plan.keys.map(\.label))
        try await withHSM(index) { hsm in
            for object in try await hsm.inventory() where object.kind == .privateKey || object.kind == .publicKey {
                guard labels.contains(object.label) else { continue }
                // Only CKA_ID and label are looked at.
                try await hsm.destroy(
                    KeyReference(id: object.id, label: object.label, algorithm: .edDSA, publicKey: .ed25519([])))
            }
        }
        try forget(keysFile(index))
    }
}
