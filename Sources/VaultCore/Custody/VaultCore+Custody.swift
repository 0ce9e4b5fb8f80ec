import AuditLog
import CoreProtocol
import Custody
import Logging
import StrictEncoding

extension VaultCore {
    /// Whether the core holds no PIN, so that it signs nothing.
    package var isSealed: Bool { custody.map { $0.phase != .active } ?? false }

    /// Refuses work while the core is sealed.
    func checkActive() throws(CoreError) {
        guard isSealed else { return }
        throw CoreError(.sealed, "the core is sealed: custodians have to activate it", retryAfter: 5)
    }

    /// The custodians' side of the core.
    func quorum() throws(CoreError) -> QuorumCustody {
        guard let custody else {
            throw CoreError(.refused, "this appliance is under development custody: it has no custodians")
        }
        return custody
    }

    /// Executes a command about custody; nil when it is another one.
    func executeCustody(_ command: String, _ reader: inout ObjectReader, user: UInt32) async throws -> JSONValue? {
        do {
            switch command {
            case "activation-request": return try await requestActivation(&reader, user: user)
            case "activation-contribute": return try await contribute(&reader)
            case "activation-progress": return try activationProgress(&reader)
            case "activation-cancel": return try await cancelActivation(&reader)
            case "custody-manifest": return try readManifest(&reader)
            case "seal": return try await seal(&reader)
            case "quarantine": return try await quarantine(&reader)
            case "audit-accept-time": return try await acceptTime(&reader)
            case "audit-prune": return try await pruneLog(&reader)
            case "config-approve": return try await approveBundle(&reader)
            case "config-approvals": return try approvals(&reader)
            default: return nil
            }
        } catch let error as CustodyError {
            throw CoreError(error)
        } catch let error as StartError {
            throw CoreError(.refused, "\(error)")
        }
    }

    /// One manifest of the chain, which custodians check a request with.
    private func readManifest(_ reader: inout ObjectReader) throws -> JSONValue {
        let chain = try quorum().desk.manifests
        let version = try reader.integer("version", in: 1...JSONValue.safeIntegers.upperBound)
        try reader.finish()
        guard let manifest = chain.first(where: { $0.version == version }) else {
            throw CoreError(.refused, "version: there are manifests 1 to \(chain.count)")
        }
        return [
            "manifest": .string(String(decoding: manifest.jsonBytes, as: UTF8.self)),
            "newest": .integer(Int64(chain.count)),
        ]
    }

    /// Reads a signed order and says who gave it, by name and key, as the log names people.
    ///
    /// It is spent by that, whatever comes of it: nobody gives it a second time, not even after an activation.
    func order(
        _ reader: inout ObjectReader, _ action: Order.Action
    ) throws -> (order: Order, person: String) {
        let file = Array(try reader.string("order").utf8)
        let signature = try reader.string("signature")
        try reader.finish()
        let order = try Order(file: file)
        guard order.action == action else {
            throw CustodyError(.foreign, "the order says \(order.action.rawValue), not \(action.rawValue)")
        }
        let manifest = inForce.current.signed
        let name = try order.verify(signature: signature, manifest: manifest, instance: instance, now: clock())
        try quorum().orders.spend(order, now: clock())
        return (order, "\(name) \(try SSHSignature(armored: signature).publicKey.fingerprint)")
    }

    /// Follows the desk, and what was kept for a restart, for as long as the core runs; brings the core to life where
    /// the quorum's dials let it live without people.
    func watchCustody() async {
        guard let custody else { return }
        await startWithoutPeople(custody)
        custody.watch { [weak self] in
            var turns = 0
            while (try? await Task.sleep(for: .milliseconds(500))) != nil {
                guard let self else { return }
                turns += 1
                // A token that was away may have come back: the fault goes without anybody's doing.
                if turns.isMultiple(of: 20), self.hsms.isIncomplete, custody.phase == .sealed {
                    await self.hsms.look(within: self.hsms.timing.grace)
                }
                await self.recordEnded(custody.desk)
                await self.watchCeremonies()
                self.keepForRestart(custody)
            }
        }
    }

    /// Requests that ended without anybody's asking have a leaf too.
    func recordEnded(_ desk: ActivationDesk) async {
        for ended in desk.takeEnded() {
            var entry = Entry(kind: .activationCancelled)
            entry.reason = ended.reason
            entry.detail = ["request": ended.request.hash, "contributed": ended.contributed.joined(separator: " ")]
            do {
                try await record(entry)
            } catch {
                logger.error("the end of a request was not recorded", metadata: ["reason": "\(error)"])
            }
        }
    }
}

extension CoreError {
    /// What somebody who asked learns of a refusal of custody.
    init(_ error: CustodyError) {
        switch error.code {
        case .malformed: self.init(.malformed, "custody: \(error.reason)")
        default: self.init(.refused, "custody: \(error.code.rawValue): \(error.reason)")
        }
    }
}
