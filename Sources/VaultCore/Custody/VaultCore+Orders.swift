import AuditLog
import CoreProtocol
import Custody
import Logging
import StrictEncoding

extension VaultCore {
    /// How long what was begun may take to finish once the core is told to seal itself.
    private static let drain = Duration.seconds(5)
    /// How long the log is given for a last checkpoint.
    private static let lastCheckpoint = Duration.seconds(3)

    /// One authorised person makes the core forget its PINs, at once.
    func seal(_ reader: inout ObjectReader) async throws -> JSONValue {
        let custody = try quorum()
        let (_, person) = try order(&reader, .seal)
        let wasSealed = custody.phase == .sealed
        // Nothing more is signed from here on, whatever is being waited for.
        custody.beginSealing()
        custody.grace.forget()
        let index = try await custody.turns.take { try await self.sealNow(custody, by: person) }
        return [
            "sealed": .bool(true), "was_sealed": .bool(wasSealed),
            "leaf": index.map { .integer(Int64(clamping: $0)) } ?? .null,
        ]
    }

    private func sealNow(_ custody: QuorumCustody, by person: String) async throws -> UInt64? {
        custody.beginSealing()
        custody.grace.forget()
        custody.desk.closeAll("the core was sealed")
        for desk in await ceremonies.forgetAll("the core was sealed") { await recordEnded(desk) }
        await recordEnded(custody.desk)
        var entry = Entry(kind: .activationSealed)
        entry.operator = person
        var index: UInt64?
        do {
            index = try await record(entry)
        } catch {
            // A log that cannot be written keeps nobody from sealing.
            logger.error("the sealing was not recorded", metadata: ["by": "\(person)", "reason": "\(error)"])
        }
        if let index { await awaitCheckpoint(of: index) }
        signers.replace(with: [])
        let isClean = await hsms.seal(drainingFor: Self.drain)
        readmit { _ in false }
        custody.sealed(failure: nil)
        guard isClean else {
            // Only the end of the process takes the login from a library that hangs.
            custody.callHangs = true
            return index
        }
        logger.notice("the core is sealed", metadata: ["by": "\(person)"])
        return index
    }

    /// Waits for a checkpoint over a leaf, for a while: after this no key can sign one.
    private func awaitCheckpoint(of index: UInt64) async {
        let end = ContinuousClock.now + Self.lastCheckpoint
        while ContinuousClock.now < end, !hsms.open.isEmpty, (log.status.checkpoint?.size ?? 0) <= index {
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    /// One authorised person takes a key out of use at once, until custodians decide.
    func quarantine(_ reader: inout ObjectReader) async throws -> JSONValue {
        let custody = try quorum()
        let (order, person) = try order(&reader, .quarantine)
        let snapshot = inForce.current
        guard let key = snapshot.effective.keys.first(where: { $0.kid == order.subject }) else {
            throw CoreError(.unknownKey, "subject: the manifest names no key with this kid")
        }
        guard ![.quarantined, .destroyed].contains(key.state) else {
            throw CoreError(.refused, "subject: the key \(key.label) is \(key.state.rawValue) already")
        }
        // In force before it is recorded: it only narrows, and must not wait for a log.
        let index = try await custody.turns.take {
            self.inForce.quarantine([key.kid])
            self.withdraw([key.kid])
            var entry = Entry(kind: .adminKeyQuarantined)
            entry.operator = person
            entry.kid = key.kid
            entry.keyLabel = key.label
            entry.detail = ["was": key.state.rawValue, "token": key.token]
            return try await self.record(entry)
        }
        logger.notice("a key is quarantined", metadata: ["by": "\(person)", "key": "\(key.label)"])
        return [
            "quarantined": .string(key.kid), "label": .string(key.label), "token": .string(key.token),
            "leaf": .integer(Int64(clamping: index)),
        ]
    }

    /// Takes keys out of the rings, and the checkpoint keys among them from the log.
    private func withdraw(_ kids: Set<String>) {
        hsms.withdraw(kids, under: manifest)
        guard !isSealed, let keys = try? VaultCore.checkpointSigners(settings, manifest, hsms) else { return }
        let active = keys.filter(\.isActive)
        signers.replace(with: active)
        snapshots.replace(signers: active)
    }
}
