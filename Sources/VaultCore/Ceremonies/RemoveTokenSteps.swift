import Custody
import HSMBridge
import StrictEncoding

extension CoreCeremony {
    /// `remove-token`: a token leaves the manifest; its keys stay in it as destroyed, so that what they signed is verified.
    func removeTokenSteps(_ plan: RemoveTokenPlan) throws -> [CeremonyStep] {
        let serial = plan.token
        guard let token = base.tokens.first(where: { $0.serial == serial }) else {
            throw CustodyError(.foreign, "token: the manifest names no token with serial \(serial)")
        }
        let check = CeremonyStep(
            name: "check.remaining", title: "See that the other tokens can do without the token \(token.label)",
            check: {
                _ = try self.judgeRemoval(of: serial)
                return .ready
            }, act: {}, verify: { try self.judgeRemoval(of: serial) })
        return [check]
            + manifestSteps(beforeInstallation: [secretsStep(isUndone: true)]) { next in
                _ = try self.judgeRemoval(of: serial)
                next.tokens.removeAll { $0.serial == serial }
                for index in next.keys.indices where next.keys[index].token == serial {
                    next.keys[index].state = .destroyed
                }
            } + (plan.destroysKeys ? [destroyAllStep(token)] : []) + [dismissStep(token)]
    }

    private func judgeRemoval(of serial: String) throws -> JSONObject {
        let snapshot = core.inForce.current
        guard snapshot.hash == base.hash else { return ["token": .string(serial), "removed": true] }
        let (mine, others) = (
            snapshot.effective.keys.filter { $0.token == serial }, snapshot.effective.keys.filter { $0.token != serial }
        )
        if let key = mine.first(where: { $0.purpose == .signing && $0.state.isPublished }) {
            throw CustodyError(
                .wrongState,
                "the key \(key.label) (\(key.kid)) is \(key.state.rawValue): tokens that it signed may be valid; retire it "
                    + "first, by change-key-state")
        }
        for purpose in [ManifestKey.Purpose.checkpoint, .kek] {
            let isNeeded = purpose == .checkpoint || mine.contains { $0.purpose == .kek && $0.state == .active }
            guard isNeeded, !others.contains(where: { $0.purpose == purpose && $0.state == .active }) else { continue }
            throw CustodyError(
                .wrongState, "no other token has an active \(purpose.rawValue) key: add one first, by replicate")
        }
        return [
            "token": .string(serial), "keys": .array(mine.map { .string($0.label) }),
            "remaining_tokens": .array(
                snapshot.effective.tokens.map(\.serial).filter { $0 != serial }.map { .string($0) }),
        ]
    }

    private func destroyAllStep(_ token: ManifestToken) -> CeremonyStep {
        CeremonyStep(
            name: "destroy", title: "Destroy everything on the token \(token.label) that the manifest named",
            act: {
                let hsm = try self.removed(token)
                let ids = Set(self.base.keys.filter { $0.token == token.serial }.map(\.id))
                for object in try await hsm.inventory() where ids.contains(Hexadecimal.string(object.id)) {
                    try await hsm.destroy(KeyReference(id: object.id, label: object.label))
                }
            },
            verify: {
                let hsm = try self.removed(token)
                let ids = Set(self.base.keys.filter { $0.token == token.serial }.map(\.id))
                for objects in [try await hsm.inventory(), try await self.freshObjects(token.serial)] {
                    guard !objects.contains(where: { ids.contains(Hexadecimal.string($0.id)) }) else { return nil }
                }
                return ["token": .string(token.serial), "found_in_this_process": 0, "found_in_a_fresh_process": 0]
            }, leaves: "the token \(token.label) is not in the manifest any more, and may hold keys")
    }

    /// The token, still open although the manifest names it no more.
    ///
    /// A core that was started anew opens the tokens of its manifest, and has no PIN of any other.
    private func removed(_ token: ManifestToken) throws -> HSM {
        try core.checkActive()
        guard core.hsms.open.contains(where: { $0.profile.info.serial == token.serial }) else {
            throw CustodyError(
                .wrongState,
                "the core was started anew and opens no token that the manifest does not name: abort this ceremony, which "
                    + "keeps the token \(token.label) removed, and have its owner initialise it")
        }
        return try hsm(token.serial)
    }

    private func dismissStep(_ token: ManifestToken) -> CeremonyStep {
        CeremonyStep(
            name: "dismiss", title: "Close the token \(token.label) and forget its PIN",
            act: {
                await self.core.hsms.dismiss(token.serial)
                let custody = try self.core.quorum().directory
                var pins = try custody.readPINs(epoch: self.base.activation?.epoch ?? 0)
                pins.remove(serial: token.serial)
                try custody.replace(pins)
            },
            verify: {
                let pins = try self.core.quorum().directory.readPINs(epoch: self.base.activation?.epoch ?? 0)
                guard !pins.serials.contains(token.serial),
                    !self.core.hsms.open.contains(where: { $0.profile.info.serial == token.serial })
                else { return nil }
                return ["token": .string(token.serial), "sealed_pin": "removed"]
            })
    }
}
