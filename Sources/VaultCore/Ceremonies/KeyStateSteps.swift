import AuditLog
import CoreProtocol
import Custody
import HSMBridge
import StrictEncoding

extension CoreCeremony {
    /// `change-key-state`: keys move on in their lives, each after its time.
    func keyStateSteps(_ plan: KeyStatePlan) throws -> [CeremonyStep] {
        var ended: [ManifestKey] = []
        for change in plan.changes {
            guard let key = base.keys.first(where: { $0.kid == change.kid }) else {
                throw CustodyError(.foreign, "changes: the manifest names no key \(change.kid)")
            }
            if change.state == .destroyed { ended.append(key) }
        }
        // What was sealed while it was out of use is wrapped to a key that is given back.
        let isGivenBack = plan.changes.contains { change in
            change.state == .active && base.keys.contains { $0.kid == change.kid && $0.purpose == .kek }
        }
        let destructions = ended.enumerated().map { destructionStep($0.element, $0.offset + 1, plan) }
        return [checkStep(plan)]
            + manifestSteps(beforeInstallation: destructions, judging: { _ = try self.judge(plan) }) { next in
                _ = try self.judge(plan)
                for index in next.keys.indices {
                    guard let change = plan.changes.first(where: { $0.kid == next.keys[index].kid }) else { continue }
                    next.keys[index].state = change.state
                }
                next.nameKeyEncryptionKeys()
            } + (isGivenBack ? [secretsStep(isUndone: false)] : []) + [keySetStep(plan)]
    }

    private func checkStep(_ plan: KeyStatePlan) -> CeremonyStep {
        CeremonyStep(
            name: "check.states", title: "See that each key may take the step, and that its time has come",
            check: {
                _ = try self.judge(plan)
                return .ready
            }, act: {}, verify: { try self.judge(plan) })
    }

    /// Every change must follow from the state that the key is in, and come no sooner than verifiers can bear.
    private func judge(_ plan: KeyStatePlan) throws -> JSONObject {
        let snapshot = core.inForce.current
        // Once the ceremony's own manifest is in force there is nothing left to judge.
        guard snapshot.hash == base.hash else { return ["changes": "in force"] }
        var lines: [JSONValue] = []
        for change in plan.changes {
            guard let key = snapshot.effective.keys.first(where: { $0.kid == change.kid }) else { continue }
            let since = core.since(key)
            try KeyLife(key, since: since).check(change.state, consumerCacheAge: plan.consumerCacheAge, now: now)
            lines.append([
                "kid": .string(key.kid), "label": .string(key.label), "token": .string(key.token),
                "from": .string(key.state.rawValue), "since": .string(since.rfc3339),
                "to": .string(change.state.rawValue),
            ])
        }
        var after = snapshot.effective.keys
        for index in after.indices {
            if let change = plan.changes.first(where: { $0.kid == after[index].kid }) {
                after[index].state = change.state
            }
        }
        try judgeKeyEncryption(plan, after)
        guard after.contains(where: { $0.purpose == .checkpoint && $0.state == .active }) else {
            throw CustodyError(.wrongState, "no checkpoint key would be active: the audit log could not be signed")
        }
        let silent = snapshot.effective.keys.filter { key in
            key.purpose == .signing && key.state == .active
                && !after.contains { $0.purpose == .signing && $0.state == .active && $0.label == key.label }
        }
        return [
            "changes": .array(lines), "consumer_cache_age": .integer(plan.consumerCacheAge),
            "labels_without_an_active_key": .array(Set(silent.map(\.label)).sorted().map { .string($0) }),
        ]
    }

    private func destructionStep(_ key: ManifestKey, _ number: Int, _ plan: KeyStatePlan) -> CeremonyStep {
        let file = "destroyed.\(number).json"
        return CeremonyStep(
            name: "destroy.\(number)", title: "Destroy the key \(key.label) in the token with serial \(key.token)",
            check: {
                try self.demandBase()
                _ = try self.judge(plan)
                _ = try self.hsm(key.token)
                return .ready
            },
            act: {
                try self.demandBase()
                let hsm = try self.hsm(key.token)
                guard try await hsm.inventory().contains(where: { Hexadecimal.string($0.id) == key.id }) else { return }
                let evidence = try await hsm.destroy(try key.reference(file: "the manifest"))
                try self.write(
                    file,
                    [
                        "destroyed": .integer(Int64(evidence.destroyed)), "found": .integer(Int64(evidence.remaining)),
                        "old_handle": evidence.oldHandle.map { .string("\($0)") } ?? .null,
                    ])
            },
            verify: {
                let here = try await self.hsm(key.token).inventory().filter { Hexadecimal.string($0.id) == key.id }
                let fresh = try await self.freshObjects(key.token).filter { Hexadecimal.string($0.id) == key.id }
                guard here.isEmpty, fresh.isEmpty else { return nil }
                return [
                    "kid": .string(key.kid), "label": .string(key.label), "token": .string(key.token),
                    "c_destroy_object": try self.read(file) ?? .null, "found_in_this_process": 0,
                    "found_in_a_fresh_process": 0,
                ]
            }, leaves: "the key \(key.label) is gone; the manifest in force still calls it retired",
            leavesInPart: "the key \(key.label) may be gone, or one of its two objects; destroy it by another ceremony")
    }

    /// What verifiers can fetch from here on is what the manifest says.
    private func keySetStep(_ plan: KeyStatePlan) -> CeremonyStep {
        CeremonyStep(
            name: "key-set", title: "See that the key set is as the manifest says", act: {},
            verify: {
                let published = try self.checkPublished()
                for change in plan.changes where !change.state.isPublished && published.contains(change.kid) {
                    throw CustodyError(.foreign, "the key \(change.kid) still stands in the key set")
                }
                return ["published": .array(published.map { .string($0) })]
            })
    }

    /// The kids that the front is told to publish, which must be exactly the manifest's.
    func checkPublished() throws -> [String] {
        let wanted = Set(
            core.inForce.current.effective.keys.filter { $0.purpose == .signing && $0.state.isPublished }.map(\.kid))
        let published = core.description.keys.filter { key in
            key.purpose == ManifestKey.Purpose.signing.rawValue
                && ManifestKey.State(rawValue: key.state)?.isPublished ?? false
        }.map(\.kid)
        guard Set(published) == wanted, published.count == wanted.count else {
            throw CustodyError(.foreign, "the key set is not what the manifest in force says")
        }
        return published.sorted()
    }
}

extension VaultCore {
    /// Since when a key has been in its state, as far as verifiers can know: since the manifest that says so was put in
    /// force, by the log's leaf; where that is gone, since the manifest after it was written.
    ///
    /// A manifest over which the key was quarantined does not count, whatever it says of the key: verifiers did not see the
    /// key then, and it is known again since the manifest that gave it back.
    func since(_ key: ManifestKey) -> UnixTime {
        let chain = inForce.current.chain?.manifests ?? []
        let quarantine = standing.quarantines[key.kid]
        if let time = quarantine?.time, key.state == .quarantined { return time }
        var first = chain.last
        for manifest in chain.reversed() {
            guard manifest.keys.first(where: { $0.kid == key.kid })?.state == key.state,
                !(quarantine?.quarantines(over: manifest) ?? false)
            else { break }
            first = manifest
        }
        guard let first else { return clock() }
        if let installed = standing.installation(of: first.version) { return max(installed, first.created) }
        return chain.first { $0.version == first.version + 1 }?.created ?? max(started, first.created)
    }
}
