import Custody
import HSMBridge
import StrictEncoding

extension CoreCeremony {
    /// `drill`: custodians prove that they can open their shares; each is checked by itself and dropped, none is combined.
    func drillSteps(_ plan: DrillPlan) throws -> [CeremonyStep] {
        let names = plan.custodians.isEmpty ? base.custodians.map(\.name) : plan.custodians
        for name in names where !base.custodians.contains(where: { $0.name == name }) {
            throw CustodyError(.foreign, "custodians: \(name) is no custodian of the manifest in force")
        }
        return names.map { name in
            CeremonyStep(
                name: "prove.\(name)", title: "Have \(name) open the share and send it, encrypted to this core",
                role: .custodians,
                check: {
                    if try self.proof(of: name) != nil { return .ready }
                    guard let progress = try await self.desk(try self.chainInForce()).progress.first else {
                        throw CustodyError(.expired, "the request for shares has ended: go on, and another one is made")
                    }
                    let left = try names.filter { try self.proof(of: $0) == nil }
                    var wait = CeremonyWait(
                        missing: left, needed: left.count,
                        what: "compare the words, then contribute as to an activation: this one activates nothing",
                        files: [self.request], words: progress.request.words)
                    wait.isLive = true
                    return .waiting(wait)
                },
                act: {}, verify: { try self.proof(of: name)?.object })
        }
    }

    /// Writes an open request of the core for its custodians, whoever has asked for it.
    private func show(_ progress: ActivationProgress) throws {
        let path = "\(request)/request.json"
        let isShown = (try? PrivateFile.readPublic(path)).map { $0 == progress.request.bytes } ?? false
        guard !isShown else { return }
        try RequestDirectory(
            progress.request, signature: progress.signature, chain: try chainInForce()
        ).write(to: request)
    }

    private func proof(of name: String) throws -> JSONValue? { try read("proof.\(name).json") }

    /// Remembers, durably, that a custodian's share was right; nothing of the share.
    func keepProof(of name: String, request: ActivationRequest) throws {
        try write(
            "proof.\(name).json",
            [
                "custodian": .string(name), "request": .string(request.hash), "epoch": .integer(request.epoch),
                "time": .string(now.rfc3339),
            ])
    }

    /// The manifests up to the one in force, whose custodians are asked.
    func chainInForce() throws -> ManifestChain {
        guard let chain = core.inForce.current.chain else {
            throw CustodyError(.unsupported, "there is no chain of manifests")
        }
        return chain
    }

    /// `activate` as a ceremony: the core's own desk takes the shares, and the ceremony sees that the core came to life.
    func activationStep(_ plan: ActivatePlan) -> CeremonyStep {
        CeremonyStep(
            name: "activate", title: "Have custodians bring the tokens to life", role: .custodians,
            check: {
                guard self.core.isSealed else { return .ready }
                let custody = try self.core.quorum()
                let soon = self.now.adding(seconds: 30)
                if !(custody.desk.progress.last.map { $0.request.expires > soon } ?? false) {
                    _ = try await self.core.offer(
                        at: custody.desk, lifetime: plan.requestLifetime, by: self.plan.administrator,
                        ceremony: self.plan.id, activates: true)
                }
                guard let progress = custody.desk.progress.last else {
                    throw CustodyError(.expired, "the request for shares has ended")
                }
                try self.show(progress)
                return .waiting(
                    CeremonyWait(
                        missing: progress.missing, needed: max(0, progress.threshold - progress.contributed.count),
                        what: "compare the words, then contribute: vault-appliance custodian contribute",
                        files: [self.request], words: progress.request.words))
            }, act: {},
            verify: {
                guard !self.core.isSealed, let (origin, since) = try self.core.quorum().origin else { return nil }
                var evidence: JSONObject = [
                    "active_since": .string(since.rfc3339), "by": .string(origin.name),
                    "tokens": .array(self.core.hsms.open.map { .string($0.profile.info.serial) }),
                ]
                if case .custodians(let names) = origin { evidence["custodians"] = .array(names.map { .string($0) }) }
                return evidence
            })
    }
}
