import Custody
import HSMBridge
import StrictEncoding

extension CoreCeremony {
    /// `rotate-epoch`: other custodians, a new secret, new PINs where the tokens let them be set, another host key where
    /// the plan says so.
    ///
    /// The order keeps anything from being lost: the new custodians have opened their shares and the manifest is signed
    /// before a PIN is set, and both PINs are sealed under the new secret until the new manifest is in force. Whoever dies in
    /// between goes on with the new custodians' shares, also where the core is sealed.
    func rotateEpochSteps(_ plan: RotateEpochPlan) throws -> [CeremonyStep] {
        let rotation = EpochRotation(ceremony: self, plan: plan)
        return [rotation.sharesStep] + (plan.makesHostKey ? [rotation.hostKeyStep] : [])
            + manifestSteps(
                beforeInstallation: [rotation.proveStep, rotation.pinsStep]
                    + base.tokens.enumerated().map { rotation.setStep($0.element, $0.offset + 1) }
            ) { next in
                guard let activation = try rotation.shares.activation() else {
                    throw CustodyError(.wrongState, "the new shares are not there: abort, and begin anew")
                }
                (next.custodians, next.approvers) = (plan.people.custodians, plan.people.approvers)
                (next.threshold, next.dials) = (plan.people.threshold, plan.people.dials)
                next.activation = activation
                if plan.makesHostKey { next.hostKey = try rotation.nextHostKey() }
            } + [rotation.forgetStep]
    }

    /// What would leave a token with a PIN that no manifest in force leads to is refused: the way out is forward.
    func checkRotationAbortable() throws {
        let transcript = try directory.loadTranscript(plan: plan)
        let isSetting = transcript.touched.contains { $0.hasPrefix(EpochRotation.setting) }
        guard isInstalled || (isSetting && (core.isSealed || memory.withLock { $0.secret } == nil)) else { return }
        throw CustodyError(
            .wrongState,
            isInstalled
                ? "the new epoch is in force: go on to the end"
                : "tokens may have the PINs of the new epoch, and the new custodians' shares are not at hand to set them "
                    + "back: go on to the end, then rotate again")
    }

    /// The manifests with the one that this ceremony has had signed, in force or not.
    func nextChain() throws -> ManifestChain {
        let chain = try chainInForce()
        let next = try ceremony.signedManifest()
        guard let place = chain.manifests.firstIndex(where: { $0.hash == next.hash }) else {
            return try ManifestChain(verifying: chain.manifests + [next])
        }
        return try ManifestChain(verifying: Array(chain.manifests[...place]))
    }
}

/// The steps of one custodian change.
struct EpochRotation: Sendable {
    static let setting = ManifestSteps.settingPIN
    private static let before = "pins.before.json"
    private static let modes = "pins.modes.json"

    let ceremony: CoreCeremony
    let plan: RotateEpochPlan

    var epoch: Int64 { (ceremony.base.activation?.epoch ?? 0) + 1 }
    var shares: EpochShares { EpochShares(ceremony: ceremony, epoch: epoch, people: plan.people) }
    private var core: VaultCore { ceremony.core }
    private var tokens: [ManifestToken] { ceremony.base.tokens }

    func custody() throws -> CustodyDirectory { try core.quorum().directory }

    var sharesStep: CeremonyStep {
        CeremonyStep(
            name: "shares", title: "Draw another activation secret and encrypt a share of it to each custodian",
            act: { try shares.make() }, verify: { try shares.evidence() }, undo: { try shares.remove() })
    }

    var proveStep: CeremonyStep {
        CeremonyStep(
            name: "prove", title: "Have the custodians of the new epoch open their shares", role: .custodians,
            check: { try await wait() }, act: {},
            verify: {
                guard ceremony.memory.withLock({ $0.secret }) != nil else { return nil }
                let names = ceremony.memory.withLock { $0.contributors }
                return ["epoch": .integer(epoch), "contributed": .array(names.map { .string($0) })]
            })
    }

    /// Ready once enough custodians of the new epoch have contributed in this process.
    private func wait() async throws -> CeremonyStep.Readiness {
        guard
            let wait = try await ceremony.waitForSecret(
                try ceremony.nextChain(),
                "open the new share (shares/NAME.age), compare the words, and contribute it to this request")
        else { return .ready }
        return .waiting(wait)
    }

    var pinsStep: CeremonyStep {
        CeremonyStep(
            name: "pins", title: "Seal the tokens' PINs under the new secret",
            check: {
                guard core.hsms.activatedPINs != nil else {
                    throw CustodyError(
                        .wrongState, "the core is sealed: custodians of the epoch in force activate it first")
                }
                return try await wait()
            }, act: { try await sealPINs() }, verify: { try evidenceOfPINs() },
            undo: {
                try PrivateFile.remove(try custody().pinsFile(epoch: epoch))
                for file in [EpochRotation.before, EpochRotation.modes] { try ceremony.forget(file) }
            })
    }

    private func sealPINs() async throws {
        let secret = try ceremony.secret()
        var pins = WrappedPINs(appliance: ceremony.base.appliance, epoch: epoch)
        var before = WrappedPINs(appliance: ceremony.base.appliance, epoch: epoch)
        var modes: JSONObject = [:]
        for token in tokens {
            guard let old = core.hsms.activatedPINs?[token.serial] else {
                throw CustodyError(.wrongState, "the core holds no PIN of the token \(token.label)")
            }
            let longest = plan.setsPINs ? try await longestPIN(token, old) : nil
            modes[token.serial] = .string(longest == nil ? "kept" : "set")
            try before.wrap(old, serial: token.serial, under: secret)
            try pins.wrap(
                try longest.map { try Genesis.randomPIN(longest: $0) } ?? old, serial: token.serial, under: secret)
        }
        try PrivateFile.replace("\(ceremony.directory.work)/\(EpochRotation.before)", before.bytes, mode: 0o600)
        try ceremony.write(EpochRotation.modes, .object(modes))
        try custody().add(pins)
    }

    /// How long a PIN the token takes; nil when it lets nobody set one.
    ///
    /// Setting the PIN that it has changes nothing.
    private func longestPIN(_ token: ManifestToken, _ pin: LockedBytes) async throws -> Int? {
        let place = try core.hsms.configured(token.serial)
        do throws(HSMError) {
            return try await ceremony.equipment.child.run(
                .changeUserPIN(uri: place.uri), module: place.module, secrets: [pin, pin]
            ).maximumPINLength
        } catch {
            guard error.code == .administrationRefused else { throw error }
            return nil
        }
    }

    private func evidenceOfPINs() throws -> JSONObject? {
        guard let pins = try? custody().readPINs(epoch: epoch), let modes = try ceremony.read(EpochRotation.modes),
            pins.serials == tokens.map(\.serial).sorted()
        else { return nil }
        return ["epoch": .integer(epoch), "sealed": .array(pins.serials.map { .string($0) }), "pins": modes]
    }

    func setStep(_ token: ManifestToken, _ number: Int) -> CeremonyStep {
        CeremonyStep(
            name: "\(EpochRotation.setting)\(number)",
            title: "Set the new PIN of the token \(token.label), and see that it opens in a fresh process",
            check: { try await wait() },
            act: {
                guard try isSet(token) else { return }
                let (old, new) = try pins(of: token)
                // Where somebody died right after the change there is nothing left to do.
                if try ceremony.wasBegun("\(EpochRotation.setting)\(number)", times: 2), try await opens(token, new) {
                    return
                }
                try await change(token, from: old, to: new)
            },
            verify: {
                guard ceremony.memory.withLock({ $0.secret }) != nil else { return nil }
                guard try await opens(token, try pins(of: token).new) else { return nil }
                return [
                    "token": .string(token.serial), "pin": try isSet(token) ? "set" : "kept",
                    "opens_in_a_fresh_process": true,
                ]
            },
            undo: {
                guard try isSet(token) else { return }
                // Fails without the shares: then nothing can be known. The step asks for them, and an abort is refused.
                let (old, new) = try pins(of: token)
                if try await !opens(token, old) { try await change(token, from: new, to: old) }
            }, leaves: "the token \(token.label) has the PIN of the new epoch", mustBeUndone: true)
    }

    private func isSet(_ token: ManifestToken) throws -> Bool {
        try ceremony.read(EpochRotation.modes)?.object?[token.serial] == "set"
    }

    private func pins(of token: ManifestToken) throws -> (old: LockedBytes, new: LockedBytes) {
        let secret = try ceremony.secret()
        let before = try WrappedPINs(
            file: try PrivateFile.readPublic("\(ceremony.directory.work)/\(EpochRotation.before)"))
        return (
            try before.unwrap(serial: token.serial, under: secret),
            try custody().readPINs(epoch: epoch).unwrap(serial: token.serial, under: secret)
        )
    }

    /// Whether a fresh process can log in with a PIN; a wrong one costs one try of several.
    private func opens(_ token: ManifestToken, _ pin: LockedBytes) async throws -> Bool {
        let place = try core.hsms.configured(token.serial)
        do throws(HSMError) {
            _ = try await ceremony.equipment.child.run(.examine(uri: place.uri), module: place.module, secrets: [pin])
            return true
        } catch {
            guard error.code == .pinRefused else { throw error }
            return false
        }
    }

    /// The library is not in use here meanwhile, and afterwards the core holds the new PIN.
    private func change(_ token: ManifestToken, from old: LockedBytes, to new: LockedBytes) async throws {
        let place = try core.hsms.configured(token.serial)
        let child = ceremony.equipment.child
        try await core.hsms.whileReleased(library: place.module) {
            _ = try await child.run(.changeUserPIN(uri: place.uri), module: place.module, secrets: [old, new])
            return [token.serial: new]
        }
    }

    var forgetStep: CeremonyStep {
        CeremonyStep(
            name: "forget", title: "Remove what the shares of the old epoch could open",
            act: {
                for old in 1..<epoch { try PrivateFile.remove(try custody().pinsFile(epoch: old)) }
                try ceremony.forget(EpochRotation.before)
                try core.removeRemains()
                try PrivateFile.syncDirectory(try custody().path)
            },
            verify: {
                let directory = ceremony.directory
                guard try (1..<epoch).allSatisfy({ !directory.exists(try custody().pinsFile(epoch: $0)) }),
                    !directory.exists("\(directory.work)/\(EpochRotation.before)"), try !core.hasKeptPINs()
                else { return nil }
                let manifest = core.inForce.current.signed
                var evidence: JSONObject = ["epoch_in_force": .integer(manifest.activation?.epoch ?? 0)]
                guard plan.makesHostKey else { return evidence }
                // Read back from the file in which the old one was.
                let key = try custody().readHostKey().publicKey
                guard manifest.names(hostKey: key) else { return nil }
                evidence["fingerprint"] = .string(key.fingerprint)
                return evidence
            })
    }
}
