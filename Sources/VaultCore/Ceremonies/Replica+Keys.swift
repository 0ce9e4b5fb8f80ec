import Custody
import HSMBridge
import StrictEncoding

extension Replica {
    private static let file = "keys.json"

    /// Makes the plan's keys; afterwards a fresh process must see exactly these.
    var keysStep: CeremonyStep {
        CeremonyStep(
            name: "keys", title: "Make \(plan.keys.count) keys in the new token", check: { try await ready() },
            act: {
                // Where somebody died in the middle, what is there under these labels is the ceremony's: the token was empty.
                if (try? await evidenceOfKeys()) != nil { return }
                let labels = Set(plan.keys.map(\.label))
                let keys = try await withHSM { hsm in
                    for object in try await hsm.inventory() where labels.contains(object.label) {
                        try await hsm.destroy(KeyReference(id: object.id, label: object.label))
                    }
                    var keys: [ManifestKey] = []
                    for key in plan.keys { keys.append(try await key.make(on: hsm)) }
                    return keys
                }
                try ceremony.write(Replica.file, .array(keys.map(\.recorded)))
            }, verify: { try await evidenceOfKeys() },
            leaves: "the new token may hold keys that no manifest names")
    }

    /// Opens the token in this process for as long as `body` takes.
    private func withHSM<Answer: Sendable>(_ body: (HSM) async throws -> Answer) async throws -> Answer {
        let hsm = try await HSM.open(modulePath: plan.token.module, token: try uri(), pin: try PIN(try pin()))
        do {
            let answer = try await body(hsm)
            _ = await hsm.shutdown()
            return answer
        } catch {
            // Else the token stays logged in, and a second try in this process is refused for that alone.
            _ = await hsm.shutdown()
            throw error
        }
    }

    /// The keys that were made; nil before.
    func keys() throws -> [ManifestKey]? {
        try ceremony.read(Replica.file).map { json in try (json.array ?? []).map { try ManifestKey(recorded: $0) } }
    }

    private func evidenceOfKeys() async throws -> JSONObject? {
        guard let keys = try keys(), keys.map(\.label) == plan.keys.map(\.label),
            ceremony.memory.withLock({ $0.secret }) != nil
        else { return nil }
        let report = try await ceremony.equipment.child.run(
            .examine(uri: try uri().description), module: plan.token.module, secrets: [try pin()])
        let objects = report.objects ?? []
        if let fault = InventoryComparison(objects, with: keys, token: report.serial).faults.first {
            throw CustodyError(.foreign, fault)
        }
        return [
            "token": .string(report.serial), "objects_in_a_fresh_process": .integer(Int64(objects.count)),
            "keys": .array(keys.map(\.recorded)),
        ]
    }

    /// Signing keys begin prepublished: verifiers must learn them first.
    ///
    /// The token needs its other keys at once.
    func add(to manifest: inout Manifest) throws {
        guard var token = try found(), let keys = try keys(), let kek = keys.first(where: { $0.purpose == .kek }) else {
            throw CustodyError(.wrongState, "the new token's keys are not there: abort, and begin anew")
        }
        token.keyEncryptionKey = kek.jwk
        manifest.tokens.append(token)
        for var key in keys {
            key.state = key.purpose == .signing ? .prepublished : .active
            manifest.keys.append(key)
        }
    }
}

extension Replica {
    private var custodyDirectory: CustodyDirectory {
        get throws { try core.quorum().directory }
    }

    /// The PIN goes to those of the other tokens: the shares in force open it from here on.
    var sealStep: CeremonyStep {
        CeremonyStep(
            name: "pins", title: "Seal the PIN beside those of the other tokens", check: { try await ready() },
            act: {
                var pins = try custodyDirectory.readPINs(epoch: epoch)
                guard let serial = try found()?.serial else {
                    throw CustodyError(.wrongState, "the token is not there yet")
                }
                if pins.serials.contains(serial) { pins.remove(serial: serial) }
                try pins.wrap(try pin(), serial: serial, under: try ceremony.secret())
                try custodyDirectory.replace(pins)
            },
            verify: {
                guard let serial = try found()?.serial, ceremony.memory.withLock({ $0.secret }) != nil,
                    let pins = try? custodyDirectory.readPINs(epoch: epoch), pins.serials.contains(serial)
                else { return nil }
                _ = try pins.unwrap(serial: serial, under: try ceremony.secret())
                return ["epoch": .integer(epoch), "sealed": .array(pins.serials.map { .string($0) })]
            },
            undo: {
                guard let serial = try found()?.serial, core.inForce.current.hash == ceremony.base.hash else { return }
                var pins = try custodyDirectory.readPINs(epoch: epoch)
                pins.remove(serial: serial)
                try custodyDirectory.replace(pins)
            })
    }

    /// The core takes the token into service at once where its configuration names it.
    var openStep: CeremonyStep {
        CeremonyStep(
            name: "open", title: "Open the token in the running core",
            check: {
                guard let serial = try found()?.serial, !isOpen(serial), isConfigured(serial) else { return .ready }
                return try await ready()
            },
            act: {
                guard let serial = try found()?.serial, !isOpen(serial), isConfigured(serial) else { return }
                await core.hsms.hold(try pin(), of: serial)
            },
            verify: {
                guard let serial = try found()?.serial else { return nil }
                if isOpen(serial) { return ["token": .string(serial), "open": true] }
                guard isConfigured(serial) else {
                    return [
                        "token": .string(serial), "open": false,
                        "next": "add the token below hsm in the configuration, restart the core, and activate it",
                    ]
                }
                return nil
            })
    }

    private func isOpen(_ serial: String) -> Bool { core.hsms.open.contains { $0.profile.info.serial == serial } }

    private func isConfigured(_ serial: String) -> Bool { core.hsms.standings.contains { $0.serial == serial } }

    /// Sets a random security officer's PIN and forgets it.
    var officerStep: CeremonyStep {
        CeremonyStep(
            name: "so-pin", title: "Burn the SO PIN of the new token",
            act: {
                guard try await !isBurnt() else { return }
                let (module, child) = (plan.token.module, ceremony.equipment.child)
                let (uri, old) = (try uri().description, try PrivateFile.readLine(plan.token.soPINFile ?? ""))
                let new = try Genesis.randomPIN(longest: 32)
                _ = try await child.run(.changeOfficerPIN(uri: uri), module: module, secrets: [old, new])
            },
            verify: {
                guard try await isBurnt() else { return nil }
                return ["token": .string(try found()?.serial ?? ""), "so_pin": "burnt"]
            }, leaves: "the SO PIN is gone: the token can be cleared by its owner alone",
            leavesInPart: "the SO PIN may be gone: if so, the token can be cleared by its owner alone")
    }

    /// Whether the SO PIN of the file is refused: changing it to itself changes nothing where it is not.
    private func isBurnt() async throws -> Bool {
        let pin = try PrivateFile.readLine(plan.token.soPINFile ?? "")
        do throws(HSMError) {
            _ = try await ceremony.equipment.child.run(
                .changeOfficerPIN(uri: try address()), module: plan.token.module, secrets: [pin, pin])
            return false
        } catch {
            guard error.code == .pinRefused else { throw error }
            return true
        }
    }

    private func address() throws(HSMError) -> String {
        guard let uri = try? uri() else {
            throw HSMError(.tokenNotFound, function: nil, returnValue: nil, context: nil)
        }
        return uri.description
    }
}
