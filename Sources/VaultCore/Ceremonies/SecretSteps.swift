import Custody
import StrictEncoding

extension CoreCeremony {
    /// A step that wraps the data key of every sealed secret to the tokens of the manifest that the ceremony brings.
    ///
    /// Before a token leaves, so that the others keep what it opened; after one came, so that what is sealed meanwhile is
    /// sealed to it already: then those that no key in force opens are named, and left as they are.
    func secretsStep(isUndone: Bool) -> CeremonyStep {
        let back: @Sendable () async throws -> Void = { try await self.unwrapSecrets() }
        return CeremonyStep(
            name: "secrets", title: "Wrap sealed secrets to the tokens of the new manifest",
            act: { try await self.wrapSecrets(leavesStranded: !isUndone) },
            verify: { try self.evidenceOfSecrets(leavesStranded: !isUndone) },
            undo: isUndone ? back : nil,
            leaves: isUndone
                ? "sealed secrets may not be wrapped to every token of the manifest in force"
                : "sealed secrets are wrapped to the tokens of this manifest or of the one before it")
    }

    private func wrapSecrets(leavesStranded: Bool) async throws {
        let left = try leavesStranded ? Set(stranded().map(\.name)) : []
        guard try !envelopes().allSatisfy({ left.contains($0.name) }) else { return }
        _ = try await core.rewrapSecrets(to: try nextManifest(), ceremony: plan.id, leaving: left)
    }

    /// The manifest that the ceremony brings; once it is in force with what one person has put out of use since it was written.
    private func nextManifest() throws -> Manifest {
        let (next, snapshot) = (try ceremony.signedManifest(), core.inForce.current)
        return snapshot.hash == next.hash ? snapshot.effective : next
    }

    /// Secrets that are sealed to no active key: to one in quarantine alone.
    private func stranded() throws -> [SealedSecret] {
        let opening = Set(
            core.inForce.current.effective.keys.filter { $0.purpose == .kek && $0.state == .active }.map(\.kid))
        return try envelopes().filter { Set($0.keys.map(\.kid)).isDisjoint(with: opening) }
    }

    private func evidenceOfSecrets(leavesStranded: Bool) throws -> JSONObject? {
        let envelopes = try envelopes()
        let stranded = try leavesStranded ? Set(stranded().map(\.name)) : []
        guard !envelopes.isEmpty else { return ["secrets": []] }
        let wrapped = envelopes.filter { !stranded.contains($0.name) }
        let kids = try wrapped.isEmpty ? [] : nextManifest().secretRecipients.map(\.kid)
        guard wrapped.allSatisfy({ Set($0.keys.map(\.kid)) == Set(kids) }) else { return nil }
        return [
            "secrets": .array(wrapped.map { .string($0.name) }), "wrapped_to": .array(kids.map { .string($0) }),
            "not_opened": .array(stranded.sorted().map { .string($0) }),
        ]
    }

    /// The current envelopes, by name.
    func envelopes() throws -> [SealedSecret] {
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
