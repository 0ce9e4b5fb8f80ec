import Custody
import StrictEncoding

extension CoreCeremony {
    /// A step that wraps the data key of every sealed secret to the tokens of the manifest that the ceremony brings.
    ///
    /// Before a token leaves, so that the others keep what it opened; after one came, so that what is sealed meanwhile is
    /// sealed to it already.
    func secretsStep(isUndone: Bool) -> CeremonyStep {
        let back: @Sendable () async throws -> Void = { try await self.unwrapSecrets() }
        return CeremonyStep(
            name: "secrets", title: "Wrap sealed secrets to the tokens of the new manifest",
            act: { try await self.wrapSecrets() }, verify: { try self.evidenceOfSecrets() },
            undo: isUndone ? back : nil,
            leaves: "sealed secrets may not be wrapped to every token of the manifest in force")
    }

    private func wrapSecrets() async throws {
        guard try !envelopes().isEmpty else { return }
        _ = try await core.rewrapSecrets(to: try ceremony.signedManifest(), ceremony: plan.id)
    }

    private func evidenceOfSecrets() throws -> JSONObject? {
        let envelopes = try envelopes()
        guard !envelopes.isEmpty else { return ["secrets": []] }
        let kids = try ceremony.signedManifest().secretRecipients.map(\.kid)
        guard envelopes.allSatisfy({ Set($0.keys.map(\.kid)) == Set(kids) }) else { return nil }
        return [
            "secrets": .array(envelopes.map { .string($0.name) }), "wrapped_to": .array(kids.map { .string($0) }),
        ]
    }

    /// The current envelopes, by name.
    private func envelopes() throws -> [SealedSecret] {
        var found: [SealedSecret] = []
        for leaf in core.standing.secrets.sorted(by: { $0.key < $1.key }).map(\.value) {
            if let envelope = try core.secretStore.current(leaf) { found.append(envelope) }
        }
        return found
    }

    /// Wraps them to the tokens in force again.
    private func unwrapSecrets() async throws {
        guard core.inForce.current.hash == base.hash, try !envelopes().isEmpty else { return }
        _ = try await core.rewrapSecrets(to: base, ceremony: plan.id)
    }
}
