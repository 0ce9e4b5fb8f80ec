import AuditLog
import CoreProtocol
import Custody
import HSMBridge
import NIOCore
import StrictEncoding

/// Plays everybody's part in a throw-away core, by the commands that people use.
struct RehearsalStage: Sendable {
    let core: VaultCore
    let ground: RehearsalGround
    let script: RehearsalScript

    private var plan: CeremonyPlan { script.plan }
    private var quorum: ArraySlice<RehearsalStandIn> { ground.custodians.prefix(Int(ground.manifest.threshold)) }

    private func directory() throws -> CeremonyDirectory {
        try CeremonyDirectory(root: try core.quorum().directory.ceremonies, id: plan.id)
    }

    @discardableResult
    private func call(_ command: String, _ members: JSONObject) async throws -> JSONValue {
        var object = members
        object["command"] = .string(command)
        return try await core.execute(ByteBuffer(json: .object(object)))
    }

    /// Brings the core to life, unless that is what is rehearsed, and begins the ceremony.
    func open() async throws {
        if plan.kind != .activate { try await activate() }
        switch plan.kind {
        case .replicate, .removeToken: try await sealSecret()
        default: break
        }
        let approvals = try quorum.map { try $0.sign(plan.bytes, .plan) }
        try await call(
            "ceremony-begin",
            [
                "plan": .string(String(decoding: plan.bytes, as: UTF8.self)),
                "approvals": .array(approvals.map { .string($0) }),
            ])
    }

    private func activate() async throws {
        let answer = try await call("activation-request", ["operator": "rehearsal"])
        let request = try ActivationRequest(file: Array((answer.object?["request"]?.string ?? "").utf8))
        for person in quorum { try await contribute(person, try shareInForce(of: person), to: request) }
    }

    /// Something to wrap anew, where tokens come and go.
    private func sealSecret() async throws {
        // Where every key encryption key is in quarantine nothing is sealed, nor wrapped anew.
        guard let recipients = try? ground.manifest.secretRecipients, !recipients.isEmpty else { return }
        var envelope = try SealedSecret(
            sealing: try LockedBytes.random(count: 32), name: "rehearsal", version: 1,
            appliance: ground.manifest.appliance, manifest: ground.manifest.version, recipients: recipients,
            now: core.clock())
        envelope.signature = try ground.custodians[0].sign(envelope.signedBytes, .envelope)
        try await call(
            "secret-store",
            ["rotate": false, "envelope": .string(String(decoding: envelope.bytes, as: UTF8.self))])
    }

    /// Takes the next step.
    func step() async throws -> JSONValue { try await call("ceremony-step", ["id": .string(plan.id)]) }

    /// Does what the ceremony waits for.
    func answer(_ wait: JSONObject) async throws {
        let files = wait["files"]?.strings ?? []
        let directory = try directory()
        if files.contains(directory.file("request")) {
            let request = try ActivationRequest(
                file: try PrivateFile.readPublic(directory.file("request/request.json")))
            let people = script.successors.isEmpty ? ground.custodians : script.successors
            let missing = (wait["missing"]?.strings ?? []).prefix(Int(wait["needed"]?.integer ?? 0))
            for person in people where missing.contains(person.name) {
                try await contribute(person, try share(of: person), to: request)
            }
        } else if files.contains(directory.file(KeyImportSteps.transportFile)) {
            try await wrapKey(directory)
        } else if files.contains(directory.file(KeyImportSteps.clearFile)), let pem = script.pem {
            try PrivateFile.create(directory.file(KeyImportSteps.clearFile), pem)
        } else {
            let body = try PrivateFile.readPublic(directory.manifest)
            for person in quorum {
                let signature = try person.sign(body, .manifest)
                try await call("ceremony-sign", ["id": .string(plan.id), "signature": .string(signature)])
            }
        }
    }

    private func contribute(
        _ person: RehearsalStandIn, _ share: LockedBytes, to request: ActivationRequest
    ) async throws {
        let (file, signature) = try person.contribution(share, to: request)
        try await call(
            "activation-contribute",
            ["file": .string(Base64URL.string(file)), "signature": .string(signature)])
    }

    /// The share that the ceremony has made for the person, or else the one in force.
    private func share(of person: RehearsalStandIn) throws -> LockedBytes {
        guard !script.successors.isEmpty else { return try shareInForce(of: person) }
        let file = "\(try directory().shares)/\(person.name).age"
        return try Share(decoding: try person.open(try PrivateFile.readPublic(file))).encoded
    }

    private func shareInForce(of person: RehearsalStandIn) throws -> LockedBytes {
        guard let index = ground.custodians.firstIndex(where: { $0.name == person.name }) else {
            throw CustodyError(.foreign, "\(person.name) has no share")
        }
        return ground.shares[index].encoded
    }

    private func wrapKey(_ directory: CeremonyDirectory) async throws {
        guard let pem = script.pem else { throw CustodyError(.wrongState, "there is no key to wrap") }
        let offer = try TransportFile(
            file: try PrivateFile.readPublic(
                directory.file(KeyImportSteps.transportFile), limit: TransportFile.maximumBytes)
        ).offer
        let wrapped = try WrappedKey(try PrivateKeyFile(pem: pem), for: offer)
        try await call(
            "ceremony-hand-in", ["id": .string(plan.id), "file": .string(Base64URL.string(wrapped.bytes))])
    }

    /// The plan as it was played, and the transcript.
    func record() throws -> JSONValue {
        let directory = try directory()
        let transcript = try PrivateFile.readPublic(directory.transcript, limit: Transcript.maximumBytes)
        return [
            "plan": .string(String(decoding: plan.bytes, as: UTF8.self)),
            "transcript": .string(String(decoding: transcript, as: UTF8.self)),
        ]
    }
}
