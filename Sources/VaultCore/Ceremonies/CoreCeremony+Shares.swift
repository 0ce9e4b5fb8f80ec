import AuditLog
import CoreProtocol
import Custody
import StrictEncoding

extension CoreCeremony {
    /// What custodians get.
    var request: String { directory.file("request") }

    /// What a step waits for that needs the activation secret; nil when it is in memory.
    ///
    /// `chain` are the manifests whose custodians are asked, the newest of which may not be in force yet.
    func waitForSecret(_ chain: ManifestChain, _ what: String) async throws -> CeremonyWait? {
        guard memory.withLock({ $0.secret }) == nil else { return nil }
        return try wait(try await desk(chain), what)
    }

    /// The secret; a step that comes to it without has lost it with the process, and its people are asked again.
    func secret() throws -> LockedBytes {
        guard let secret = memory.withLock({ $0.secret }) else {
            throw CustodyError(.tooFew, "the custodians' shares are not here any more: they contribute again")
        }
        return secret
    }

    /// The desk at which shares arrive, with one open request; made anew when the last one ran out or died.
    func desk(_ chain: ManifestChain) async throws -> ActivationDesk {
        if let desk = memory.withLock({ $0.desk }), !desk.progress.isEmpty, desk.manifest.hash == chain.current.hash {
            return desk
        }
        let custody = try core.quorum()
        let desk = try ActivationDesk(
            chain: chain, hostKey: try custody.hostKey(of: chain.current),
            build: Executable.build, clock: core.clock)
        let offer = try await core.offer(
            at: desk, lifetime: try requestLifetime(), by: plan.administrator, ceremony: plan.id)
        try RequestDirectory(offer.request, signature: offer.signature, chain: chain).write(to: request)
        let old = memory.withLock { state in
            defer { (state.desk, state.offer) = (desk, offer) }
            // What is finished after its time keeps what it is given for as long as it asks for it.
            state.until = max(plan.expires, offer.request.expires)
            return state.desk
        }
        old?.closeAll("another request was made")
        if let old { await core.recordEnded(old) }
        return desk
    }

    /// How long custodians are asked, in seconds: until the plan ends, unless its ceremony must be finished all the same.
    private func requestLifetime() throws -> Int64 {
        let left = plan.expires.seconds - now.seconds
        guard left >= 60 else {
            guard try !directory.loadTranscript(plan: plan).goesForwardOnly(plan.kind) else {
                return ActivationDesk.defaultLifetime
            }
            throw CustodyError(.expired, "the plan ends at \(plan.expires.rfc3339): too soon to ask custodians")
        }
        return min(left, ActivationDesk.longestLifetime)
    }

    private func wait(_ desk: ActivationDesk, _ what: String) throws -> CeremonyWait {
        guard let progress = desk.progress.first else {
            throw CustodyError(.expired, "the request for shares has ended: go on, and another one is made")
        }
        var wait = CeremonyWait(
            missing: progress.missing, needed: max(0, progress.threshold - progress.contributed.count), what: what,
            files: [request],
            words: progress.request.words)
        wait.isLive = true
        return wait
    }

    static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}

extension VaultCore {
    /// `ceremony-contribute`: a custodian's share for a ceremony that needs it, or proves it.
    func contributeToCeremony(_ reader: inout ObjectReader) async throws -> JSONValue {
        let id = try reader.string("id")
        guard let file = Base64URL.decode(try reader.string("file")) else {
            throw reader.fault("file", "is not base64url")
        }
        let signature = try reader.string("signature")
        try reader.finish()
        return try await contribute(to: id, file: file, signature: signature)
    }

    /// Takes a share for a ceremony, whichever command brought it.
    func contribute(to id: String, file: [UInt8], signature: String) async throws -> JSONValue {
        try await ceremonies.turns.take {
            let ceremony = try CoreCeremony(id, in: self)
            guard let desk = ceremony.memory.withLock({ $0.desk }) else {
                throw CustodyError(.wrongState, "the ceremony \(id) asks for no shares now: see its status")
            }
            let outcome = try desk.contribute(file: file, signature: signature)
            let key = try SSHSignature(armored: signature).publicKey
            let person = try Quorum.owner(of: key, among: desk.manifest.custodians)
            var entry = Entry(kind: .activationContributed)
            entry.operator = "\(person.name) \(key.fingerprint)"
            let request = ceremony.memory.withLock { $0.offer?.request.hash } ?? ""
            entry.detail = [
                "ceremony": id, "request": request, "custodian": person.name,
                "epoch": "\(desk.manifest.activation?.epoch ?? 0)",
            ]
            // The leaf with which nobody is missing ends the request.
            if case .complete = outcome { entry.detail?["needed"] = "0" }
            try await self.record(entry)
            switch outcome {
            case .waiting(let progress):
                if progress.request.isDrill { try ceremony.keepProof(of: person.name, request: progress.request) }
                ceremony.memory.withLock { $0.contributors = progress.contributed }
                return ["by": .string(person.name), "complete": false, "progress": progress.json]
            case .complete(let secret, let people, _):
                ceremony.memory.withLock { ($0.secret, $0.contributors) = (secret, people) }
                return [
                    "by": .string(person.name), "complete": true,
                    "contributed": .array(people.map { .string($0) }),
                ]
            }
        }
    }
}
