import Custody
import HSMBridge
import StrictEncoding

extension CoreCeremony {
    /// An open token of the manifest.
    func hsm(_ serial: String) throws -> HSM {
        try core.checkActive()
        guard let hsm = core.hsms.open.first(where: { $0.profile.info.serial == serial }) else {
            throw CustodyError(
                .wrongState, "the token with serial \(serial) is not open: see status, then go on with the ceremony")
        }
        return hsm
    }

    /// The keys that a token must hold by the manifest in force.
    func keys(of serial: String) -> [ManifestKey] {
        core.inForce.current.effective.keys.filter { $0.token == serial && $0.state != .destroyed }
    }

    /// What a process of its own sees on an open token.
    func freshObjects(_ serial: String) async throws -> [TokenObject] {
        let place = try core.hsms.configured(serial)
        guard let pin = core.hsms.activatedPINs?[serial] else {
            throw CustodyError(.wrongState, "the core holds no PIN of the token with serial \(serial)")
        }
        let report = try await equipment.child.run(.examine(uri: place.uri), module: place.module, secrets: [pin])
        guard report.serial == serial else {
            throw CustodyError(.foreign, "another process finds the token \(report.serial) in the place of \(serial)")
        }
        return report.objects ?? []
    }

    /// A token must hold exactly the manifest's keys and those in `more`; one object more or less is named and refused.
    func checkInventory(_ serial: String, adding more: [ManifestKey] = []) async throws -> JSONObject {
        let objects = try await hsm(serial).inventory()
        let comparison = InventoryComparison(objects, with: keys(of: serial) + more, token: serial)
        guard let fault = comparison.faults.first else {
            return ["token": .string(serial), "objects": .integer(Int64(objects.count)), "as": "the manifest says"]
        }
        throw CustodyError(.foreign, fault)
    }

    /// A step that looks whether tokens hold exactly what they must.
    func inventoryStep(
        _ name: String, _ title: String, tokens: [String],
        adding more: @escaping @Sendable (String) throws -> [ManifestKey]
    ) -> CeremonyStep {
        CeremonyStep(
            name: name, title: title, act: {},
            verify: {
                var found: [JSONValue] = []
                for serial in tokens {
                    found.append(.object(try await self.checkInventory(serial, adding: try more(serial))))
                }
                return ["tokens": .array(found)]
            })
    }

    /// Takes away what lies on a token under a label that no manifest has there.
    func destroyStrays(labelled label: String, on hsm: HSM) async throws {
        let serial = hsm.profile.info.serial
        guard !keys(of: serial).contains(where: { $0.label == label }) else { return }
        for object in try await hsm.inventory() where object.label == label {
            try await hsm.destroy(KeyReference(id: object.id, label: label))
        }
    }
}

extension KeyReference {
    /// Names a key of which nothing but its place is known, so that it can be destroyed.
    init(id: [UInt8], label: String) {
        self.init(id: id, label: label, algorithm: .edDSA, publicKey: .ed25519([]))
    }
}
