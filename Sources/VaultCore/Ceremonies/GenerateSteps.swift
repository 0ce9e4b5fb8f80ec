import Custody
import HSMBridge
import StrictEncoding

extension CoreCeremony {
    /// `generate`: new keys in tokens that there are.
    func generateSteps(_ plan: GeneratePlan) throws -> [CeremonyStep] {
        let tokens = plan.tokens.isEmpty ? base.tokens.map(\.serial) : plan.tokens
        for serial in tokens where !base.tokens.contains(where: { $0.serial == serial }) {
            throw CustodyError(.foreign, "tokens: the manifest names no token with serial \(serial)")
        }
        for key in plan.keys {
            for serial in tokens where base.keys.contains(where: { $0.token == serial && $0.label == key.label }) {
                throw CustodyError(
                    .repeated, "keys: the token \(serial) has had a key \(key.label): choose another label")
            }
        }
        try checkKeyEncryption(plan, tokens)
        let making = tokens.enumerated().flatMap { index, serial in
            plan.keys.map { key in makeStep(key, MadeKey(label: key.label, token: index + 1), serial) }
        }
        let files = tokens.enumerated().flatMap { index, _ in
            plan.keys.map { MadeKey(label: $0.label, token: index + 1) }
        }
        return [
            inventoryStep(
                "inventory.before", "See that the tokens hold what the manifest says", tokens: tokens,
                adding: { _ in [] })
        ] + making + [
            inventoryStep(
                "inventory.after", "See that the tokens hold the new keys and nothing else", tokens: tokens,
                adding: { serial in try files.compactMap { try self.readKey($0.file) }.filter { $0.token == serial } })
        ]
            + manifestSteps { next in
                for file in files {
                    guard var key = try self.readKey(file.file) else {
                        throw CustodyError(.wrongState, "the key \(file.label) is not there: abort, and begin anew")
                    }
                    key.state = plan.firstState(of: key.purpose)
                    next.keys.append(key)
                }
                next.nameKeyEncryptionKeys()
            } + (plan.keys.contains { $0.purpose == .kek } ? [secretsStep(isUndone: false)] : [])
    }

    /// Where a step keeps the key that it has made.
    struct MadeKey: Sendable {
        let label: String
        /// Counts the ceremony's tokens, from 1.
        let token: Int

        var step: String { "key.\(token).\(StepName.of(label))" }
        var file: String { "\(step).json" }
    }

    private func makeStep(_ key: PlannedKey, _ made: MadeKey, _ serial: String) -> CeremonyStep {
        CeremonyStep(
            name: made.step, title: "Make the key \(key.label) in the token with serial \(serial)",
            check: {
                let objects = try await self.hsm(serial).inventory()
                guard !objects.contains(where: { $0.label == key.label }) else {
                    throw CustodyError(
                        .foreign, "the token \(serial) holds an object \(key.label) that no manifest names")
                }
                return .ready
            },
            act: { try self.write(made.file, try await key.make(on: try self.hsm(serial)).recorded) },
            verify: { try await self.evidence(of: made, serial) },
            undo: {
                try await self.destroyStrays(labelled: key.label, on: try self.hsm(serial))
                try self.forget(made.file)
            })
    }

    /// What the token says of a key that was made: read again, and made to work again.
    func evidence(of made: MadeKey, _ serial: String, on hsm: HSM? = nil) async throws -> JSONObject? {
        guard let key = try readKey(made.file) else { return nil }
        let token = if let hsm { hsm } else { try self.hsm(serial) }
        guard try await token.inventory().contains(where: { Hexadecimal.string($0.id) == key.id }) else { return nil }
        let attributes = try await token.examine(key)
        guard key.agrees(with: attributes) else {
            throw CustodyError(.foreign, "the key \(key.label) does not look as it did when it was made")
        }
        return ["token": .string(serial), "key": key.recorded, "canary": true]
    }
}

extension GeneratePlan {
    /// In what state a new key stands in the manifest: its token has no other key for the secrets that are sealed meanwhile.
    fileprivate func firstState(of purpose: ManifestKey.Purpose) -> ManifestKey.State {
        switch purpose {
        case .kek: .active
        case .signing where prepublishes: .prepublished
        case .signing, .assertion, .checkpoint, .tls: .generated
        }
    }
}

extension PlannedKey {
    /// Makes the key; it is `generated` until a manifest says otherwise.
    func make(on hsm: HSM) async throws -> ManifestKey {
        guard let algorithm = KeyAlgorithm(rawValue: algorithm), let purpose = KeyPurpose(rawValue: purpose.rawValue)
        else {
            throw CustodyError(.unsupported, "key \(label): no token makes \(purpose.rawValue) with \(algorithm)")
        }
        let made = try await hsm.generate(KeySpecification(label: label, algorithm: algorithm, purpose: purpose))
        return manifestKey(made, token: hsm.profile.info.serial, provenance: .generated)
    }

    /// The key as a manifest holds it.
    func manifestKey(_ made: GeneratedKey, token: String, provenance: ManifestKey.Provenance) -> ManifestKey {
        let jwk = made.reference.publicKey.jwk
        return ManifestKey(
            kid: ManifestKey.thumbprint(of: jwk), label: label, id: Hexadecimal.string(made.reference.id), token: token,
            algorithm: algorithm, purpose: purpose, state: .generated, provenance: provenance, jwk: jwk,
            evidence: made.evidence, gate: gate)
    }
}

extension HSM {
    /// Looks at a key of a manifest again.
    func examine(_ key: ManifestKey) async throws -> [String: Bool] {
        guard let purpose = KeyPurpose(rawValue: key.purpose.rawValue) else {
            throw CustodyError(.unsupported, "a key for \(key.purpose.rawValue) cannot be examined")
        }
        return try await examine(
            try key.reference(file: "the manifest"), purpose: purpose, isImported: key.provenance == .imported,
            restrictsMechanisms: key.evidence["CKA_ALLOWED_MECHANISMS"] ?? false)
    }
}

extension ManifestKey {
    /// Whether attributes read now are those that were read when the key was made.
    func agrees(with attributes: [String: Bool]) -> Bool {
        attributes.allSatisfy { name, value in evidence[name].map { $0 == value } ?? true }
    }
}
