import AuditLog
import CoreProtocol
import Custody
import HSMBridge
import Logging
import StrictEncoding

extension VaultCore {
    /// Opens a request for shares; whoever may use the admin socket may ask.
    ///
    /// `user` is who does, as the kernel says.
    func requestActivation(_ reader: inout ObjectReader, user: UInt32) async throws -> JSONValue {
        let custody = try quorum()
        let person = try reader.string("operator")
        let lifetime =
            reader.optional("lifetime") == nil
            ? ActivationDesk.defaultLifetime
            : try reader.integer("lifetime", in: 60...ActivationDesk.longestLifetime)
        try reader.finish()
        try demandSealed(custody)
        await hsms.look(within: hsms.timing.grace)
        if let problem = hsms.hindrance {
            throw CoreError(.refused, "nobody needs to be called yet, the core could not be activated: \(problem)")
        }
        try demandSealed(custody)
        let desk = custody.desk
        let offer = try await offer(at: desk, lifetime: lifetime, by: person, user: user)
        return [
            "request": .string(String(decoding: offer.request.bytes, as: UTF8.self)),
            "signature": .string(offer.signature), "hash": .string(offer.request.hash),
            "words": .string(offer.request.words), "expires": .string(offer.request.expires.rfc3339),
            "manifests": .integer(Int64(desk.manifests.count)), "instance": .string(instance),
        ]
    }

    /// Opens a request at a desk, with its leaf; `ceremony` is the one that asks.
    ///
    /// The shares are for what the ceremony does with them, and the request names it, unless `activates`: then they are for
    /// the core's activation. Without a ceremony `person` is a name that `user` gave, which nobody has signed for.
    func offer(
        at desk: ActivationDesk, lifetime: Int64, by person: String, user: UInt32? = nil, ceremony: String? = nil,
        activates: Bool = false
    ) async throws -> ActivationDesk.Offer {
        let offer = try desk.offer(
            lifetime: lifetime, ceremony: activates ? nil : ceremony, user: user, random: CoreCeremony.random)
        var entry = Entry(kind: .activationRequested)
        entry.operator = person
        entry.until = offer.request.expires.seconds
        entry.detail = [
            "request": offer.request.hash, "words": offer.request.words, "build": offer.request.build,
            "tokens": offer.request.tokens.joined(separator: " "), "epoch": "\(offer.request.epoch)",
        ]
        if let ceremony { entry.detail?["ceremony"] = ceremony }
        if let user { entry.detail?["as_said_by"] = CeremonyDesk.teller(user) }
        do {
            try await record(entry)
        } catch {
            // What is not recorded does not happen.
            try? desk.cancel(request: offer.request.hash)
            throw error
        }
        await recordEnded(desk)
        return offer
    }

    /// Takes a custodian's share; the one that is enough brings the tokens to life before this returns.
    func contribute(_ reader: inout ObjectReader) async throws -> JSONValue {
        let custody = try quorum()
        guard let file = Base64URL.decode(try reader.string("file")) else {
            throw reader.fault("file", "is not base64url")
        }
        let signature = try reader.string("signature")
        try reader.finish()
        // What a ceremony has asked for goes there: custodians send all shares by the same command.
        if let hash = SignaturePurpose.request(ofContribution: try SSHSignature(armored: signature).namespace),
            let id = ceremonies.ceremony(asking: hash)
        {
            return try await contribute(to: id, file: file, signature: signature)
        }
        try demandSealed(custody)
        let desk = custody.desk
        let outcome = try desk.contribute(file: file, signature: signature)
        let key = try SSHSignature(armored: signature).publicKey
        let person = try Quorum.owner(of: key, among: desk.manifest.custodians)
        var entry = Entry(kind: .activationContributed)
        entry.operator = "\(person.name) \(key.fingerprint)"
        switch outcome {
        case .waiting(let progress):
            entry.detail = [
                "request": progress.request.hash, "contributed": progress.contributed.joined(separator: " "),
                "needed": "\(progress.threshold - progress.contributed.count)", "custodian": person.name,
                "epoch": "\(progress.request.epoch)",
            ]
            do {
                try await record(entry)
            } catch {
                // What is not recorded does not count: the custodians begin again.
                try? desk.cancel(request: progress.request.hash)
                throw error
            }
            return ["state": "sealed", "by": .string(person.name), "progress": progress.json]
        case .complete(let secret, let people, let request):
            entry.detail = [
                "request": request, "contributed": people.joined(separator: " "), "needed": "0",
                "custodian": person.name, "epoch": "\(desk.manifest.activation?.epoch ?? 0)",
            ]
            try await record(entry)
            try await custody.turns.take {
                try await self.activate(custody, request: request, by: people, secret: secret)
            }
            await recordEnded(desk)
            return [
                "state": "active", "by": .string(person.name), "contributed": .array(people.map { .string($0) }),
                "tokens": .array(hsms.standings.map(\.json)),
            ]
        }
    }

    /// Where the custodians' requests stand, for whoever waits for them.
    func activationProgress(_ reader: inout ObjectReader) throws -> JSONValue {
        try reader.finish()
        guard var status = try custodyStatus(quorum()).object else { return .null }
        status["requests"] = .array((status["requests"]?.array ?? []) + ceremonies.requests.map(\.json))
        return .object(status)
    }

    /// A custodian or an approver closes a request.
    func cancelActivation(_ reader: inout ObjectReader) async throws -> JSONValue {
        let custody = try quorum()
        let (order, person) = try order(&reader, .cancel)
        try custody.desk.cancel(request: order.subject)
        var entry = Entry(kind: .activationCancelled)
        entry.operator = person
        entry.reason = "withdrawn"
        entry.detail = ["request": order.subject]
        let index = try await record(entry)
        return ["cancelled": .string(order.subject), "leaf": .integer(Int64(clamping: index))]
    }

    /// What `status` and waiting commands show of custody.
    func custodyStatus(_ custody: QuorumCustody) throws -> JSONValue {
        let manifest = inForce.current.signed
        var object = JSONObject([
            .init(name: "state", value: .string(custody.phase == .active ? "active" : custody.phase.rawValue)),
            .init(name: "instance", value: .string(instance)),
            .init(name: "appliance", value: .string(manifest.appliance)),
            .init(name: "threshold", value: .integer(manifest.threshold)),
            .init(name: "custodians", value: .array(manifest.custodians.map { .string($0.name) })),
            .init(name: "epoch", value: .integer(manifest.activation?.epoch ?? 0)),
            .init(name: "manifest", value: .integer(manifest.version)),
            .init(name: "requests", value: .array(custody.desk.progress.map(\.json))),
        ])
        let proofs = standing.proofs(epoch: manifest.activation?.epoch ?? 0)
        object["last_proven"] = .object(
            JSONObject(
                manifest.custodians.map {
                    .init(name: $0.name, value: proofs[$0.name].map { .string($0.rfc3339) } ?? .null)
                }))
        // Who never proved to have the share comes before who did so long ago.
        object["stalest_custodian"] = manifest.custodians.map(\.name).min {
            (proofs[$0]?.milliseconds ?? .min) < (proofs[$1]?.milliseconds ?? .min)
        }.map { .string($0) }
        object["failure"] = custody.failure.map { .string($0) }
        if let (origin, since) = custody.origin {
            object["activated_by"] = .string(origin.name)
            if case .custodians(let names) = origin {
                object["activated_custodians"] = .array(names.map { .string($0) })
            }
            object["activated"] = .string(since.rfc3339)
        }
        if let seconds = custody.grace.keptFor { object["restart_grace_left"] = .integer(seconds) }
        return .object(object)
    }

    /// Why a sealed core signs nothing, in one line.
    func sealedFault(_ custody: QuorumCustody) -> String {
        switch custody.phase {
        case .active: return ""
        case .activating: return "sealed: is being activated"
        case .sealing: return "sealed: is being sealed"
        case .sealed: break
        }
        let failure = custody.failure.map { "; the last activation failed: \($0)" } ?? ""
        guard let most = custody.desk.progress.max(by: { $0.contributed.count < $1.contributed.count }) else {
            return "sealed: no request is open: start one with vault-appliance activate" + failure
        }
        return "sealed: \(most.contributed.count) of \(most.threshold) contributed, missing "
            + most.missing.joined(separator: ", ") + failure
    }

    private func demandSealed(_ custody: QuorumCustody) throws(CoreError) {
        switch custody.phase {
        case .sealed: return
        case .active: throw CoreError(.refused, "the core is active already: nobody needs to contribute")
        case .activating: throw CoreError(.refused, "the core is being activated: wait for what comes of it")
        case .sealing: throw CoreError(.refused, "the core is being sealed: ask again in a moment")
        }
    }
}

extension VaultCore {
    /// Unwraps the PINs, logs in to each token once, has each active key sign once; stays sealed when that fails.
    private func activate(
        _ custody: QuorumCustody, request: String, by people: [String], secret: LockedBytes
    ) async throws {
        guard custody.beginActivation() else { throw CoreError(.refused, "another activation was faster") }
        do {
            let pins = try unwrap(custody, under: secret)
            try await bringToLife(custody, pins, .custodians(people), request: request)
        } catch {
            try await stayedSealed(custody, error, request: request)
        }
    }

    /// Opens the tokens, records it, and only then lets anything be signed.
    func bringToLife(
        _ custody: QuorumCustody, _ pins: [String: LockedBytes], _ origin: QuorumCustody.Origin, request: String?
    ) async throws {
        // The manifest may have withdrawn keys, or come anew, since the group was made.
        try await hsms.unseal(pins)
        do {
            let keys = try VaultCore.checkpointSigners(settings, manifest, hsms)
            let active = keys.filter(\.isActive)
            signers.replace(with: active, trusted: keys.map(\.verifierKey))
            snapshots.replace(signers: active)
            var entry = Entry(kind: .activationCompleted)
            entry.detail = [
                "by": origin.name, "tokens": hsms.open.map(\.profile.info.serial).joined(separator: " "),
                "keys": "\(manifest.keys.filter { $0.state == .active }.count)",
            ]
            if case .custodians(let names) = origin { entry.detail?["custodians"] = names.joined(separator: " ") }
            if let request { entry.detail?["request"] = request }
            try await record(entry)
        } catch {
            signers.replace(with: [])
            await hsms.seal(drainingFor: .zero)
            throw error
        }
        custody.activated(by: origin)
        keepForRestart(custody)
        logger.notice("the core is active", metadata: ["by": "\(origin.name)"])
    }

    /// Whatever went wrong stands in status and in the log, with the token it went wrong with.
    private func stayedSealed(_ custody: QuorumCustody, _ error: any Error, request: String?) async throws {
        let reason = (error as? CustodyError)?.reason ?? "\(error)"
        custody.sealed(failure: reason)
        logger.error("the core stays sealed", metadata: ["reason": "\(reason)"])
        var entry = Entry(kind: .activationCancelled)
        entry.reason = String(decoding: "failed: \(reason)".utf8.prefix(500), as: UTF8.self)
        if let request { entry.detail = ["request": request] }
        _ = try? await record(entry)
        throw CoreError(.refused, "the core stays sealed: \(reason)")
    }

    private func unwrap(
        _ custody: QuorumCustody, under secret: LockedBytes
    ) throws(CustodyError) -> [String: LockedBytes] {
        let manifest = inForce.current.signed
        let file = try custody.directory.readPINs(epoch: manifest.activation?.epoch ?? 0)
        guard file.appliance == manifest.appliance else {
            throw CustodyError(.foreign, "the file of sealed PINs is of another appliance")
        }
        var pins: [String: LockedBytes] = [:]
        for token in manifest.tokens { pins[token.serial] = try file.unwrap(serial: token.serial, under: secret) }
        return pins
    }
}
