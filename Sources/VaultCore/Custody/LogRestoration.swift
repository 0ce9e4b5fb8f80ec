package import AuditLog
package import Custody
package import StrictEncoding

/// The custodians' decision to go on with an older copy of the log, as it is handed in before the core starts.
package struct LogRestoration: Sendable {
    /// What was decided.
    package let order: RestorationOrder
    /// The custodians' signatures over it.
    package let signatures: [String]

    /// An order with the signatures that it got.
    package init(order: RestorationOrder, signatures: [String]) {
        self.order = order
        self.signatures = signatures
    }

    /// Reads what was handed in.
    init(file: [UInt8]) throws(CustodyError) {
        do {
            var reader = try ObjectReader(try JSONParser.parse(file))
            order = try RestorationOrder(file: Array(try reader.string("order").utf8))
            guard let signatures = try reader.required("signatures").strings else {
                throw reader.fault("signatures", "must be texts")
            }
            self.signatures = signatures
            try reader.finish()
        } catch {
            throw CustodyError(.malformed, "it is no signed restoration order: \(error)")
        }
    }

    /// What the core reads at its start.
    package var file: [UInt8] {
        JSONWriter.canonical([
            "order": .string(String(decoding: order.bytes, as: UTF8.self)),
            "signatures": .array(signatures.map { .string($0) }),
        ])
    }

    /// The decision, after order and signatures were checked.
    package func decision(manifest: Manifest, now: UnixTime) throws(CustodyError) -> Restoration {
        let people = try order.verify(signatures: signatures, manifest: manifest, now: now)
        let names = people.map(\.name).joined(separator: ", ")
        var detail = ["order": order.hash]
        for (number, person) in people.enumerated() {
            detail["by_\(number + 1)"] = "\(person.name) \(person.fingerprint)"
        }
        // An entry's `operator` has bounds, which the names of very many would exceed; `detail` has them all.
        return Restoration(
            lost: order.lost, found: order.found,
            person: names.utf8.count <= 512 ? names : "\(people.count) custodians", reason: order.reason, detail: detail
        )
    }

    /// What a core does with what was handed in: under quorum custody only the custodians are believed.
    static func reader(
        of manifest: Manifest, clock: @escaping @Sendable () -> UnixTime
    ) -> (@Sendable (_ file: [UInt8]) throws(AuditLogError) -> Restoration)? {
        guard manifest.custody == .quorum else { return nil }
        return { (file) throws(AuditLogError) in
            do throws(CustodyError) {
                return try LogRestoration(file: file).decision(manifest: manifest, now: clock())
            } catch {
                throw AuditLogError(.rolledBack, error.reason)
            }
        }
    }
}

extension CoreSettings {
    /// The manifest that a core with these settings would believe, which says who may decide; verified, nothing written.
    package func manifestOfCustodians() throws -> Manifest {
        try Trust.verified(CustodyDirectory(path: custodyDirectory ?? "")).current
    }
}
