import AuditLog
import CoreProtocol
import Custody
import Logging
import StrictEncoding

extension VaultCore {
    /// How long requests that began under an older bundle are let finish once a newer one is loaded.
    private static let overlap = Duration.seconds(10)
    /// How far beyond the newest approval the next one may be numbered: nothing could follow the highest number there is.
    private static let longestLeap: Int64 = 1000

    /// Refuses a bundle that not enough approvers have signed, and one older than the newest that they have.
    func checkApproval(_ entry: Entry) throws(CoreError) {
        guard let bundle = entry.bundle else { throw CoreError(.refused, "entry.bundle: is missing") }
        let needed = inForce.current.signed.dials.configApprovals
        guard needed > 0 else { return }
        // One that too few have signed counts for nothing: neither for this bundle nor against it.
        let newest = standing.newestApproval
        let documents = approvedDocuments(from: newest).filter { $0.approval.bundle == bundle }
        guard !documents.contains(where: { $0.approvers.count >= needed }) else { return }
        let older = approvedDocuments(from: 1).filter { signed in
            signed.approval.bundle == bundle && signed.approval.number < newest && signed.approvers.count >= needed
        }
        if let number = older.map(\.approval.number).max() {
            throw CoreError(.refused, "entry.bundle: approval \(number) is older than \(newest), the newest")
        }
        throw VaultCore.lacking(documents.map(\.approvers.count).max() ?? 0, of: needed, bundle)
    }

    /// What is missing of a bundle's approvers.
    private static func lacking(_ most: Int, of needed: Int64, _ bundle: String) -> CoreError {
        guard most > 0 else {
            return CoreError(
                .refused, "entry.bundle: no approver has signed \(bundle.prefix(16)): vault-appliance config approve")
        }
        return CoreError(
            .refused, "entry.bundle: \(needed) approvers must have signed \(bundle.prefix(16)), \(most) have")
    }

    /// Whether a bundle may stay loaded under the manifest in force.
    func isApproved(_ bundle: String) -> Bool {
        var entry = Entry(kind: .configLoaded)
        entry.bundle = bundle
        return (try? checkApproval(entry)) != nil
    }

    /// A bundle was loaded: those that were loaded before it end when what began under them has ended.
    ///
    /// Those alone: what is loaded during the wait is newer, and may be the bundle in force by its end.
    func retireBundles(before load: UInt64) {
        guard inForce.current.signed.dials.configApprovals > 0 else { return }
        Task { [weak self] in
            try? await Task.sleep(for: Self.overlap)
            self?.bundles.retire(before: load)
        }
    }

    /// `config-approve`: an approver's signature over a bundle's approval.
    func approveBundle(_ reader: inout ObjectReader) async throws -> JSONValue {
        let custody = try quorum()
        let file = Array(try reader.string("approval").utf8)
        let signature = try reader.string("signature")
        try reader.finish()
        let approval = try BundleApproval(file: file)
        let manifest = inForce.current.signed
        guard approval.appliance == manifest.appliance else {
            throw CustodyError(.foreign, "the approval is for another appliance")
        }
        let person = try Quorum.signer(
            of: file, signature: signature, for: .configuration, among: manifest.approvers)
        return try await custody.turns.take {
            try await self.keep(approval, signature: signature, by: person, custody)
        }
    }

    /// Says of an approval that it is complete whose last signer's process died before it could: no older one counts then.
    func settleApprovals() async throws(AuditLogError) {
        let needed = inForce.current.signed.dials.configApprovals
        guard needed > 0 else { return }
        let complete = approvedDocuments(from: standing.newestApproval + 1).filter { $0.approvers.count >= needed }
        guard let newest = complete.max(by: { $0.approval.number < $1.approval.number }) else { return }
        _ = try await record(Self.approved(newest.approval, by: newest.approvers, of: needed))
    }

    private static func approved(_ approval: BundleApproval, by names: [String], of needed: Int64) -> Entry {
        var entry = Entry(kind: .configApproved)
        entry.bundle = approval.bundle
        entry.detail = [
            "number": "\(approval.number)", "approvers": names.joined(separator: " "), "needed": "\(needed)",
            "complete": names.count >= needed ? "yes" : "no",
        ]
        return entry
    }

    private func checkNumber(_ number: Int64) throws(CustodyError) {
        let newest = standing.newestApproval
        guard number > newest else {
            throw CustodyError(.stale, "approval \(number) is not newer than \(newest): make a new one")
        }
        guard number - newest <= VaultCore.longestLeap else {
            throw CustodyError(
                .malformed,
                "approval \(number) leaves out too many numbers after \(newest): config approve takes the next one")
        }
    }

    private func keep(
        _ approval: BundleApproval, signature: String, by person: Manifest.Person, _ custody: QuorumCustody
    ) async throws -> JSONValue {
        let manifest = inForce.current.signed
        // In the turn: whoever was completed while this one waited may have overtaken it.
        try checkNumber(approval.number)
        let needed = max(1, manifest.dials.configApprovals)
        let store = BundleApprovals(custody.directory)
        let before = store.signers(of: approval, among: manifest.approvers)
        guard !before.contains(person.name) else {
            throw CustodyError(.repeated, "\(person.name) has approved this already; one person counts once")
        }
        try store.checkRoom(for: approval, by: person.name)
        try store.add(approval, signature: signature, by: person.name)
        let names = before + [person.name]
        var entry = Self.approved(approval, by: names, of: needed)
        entry.operator = "\(person.name) \(try SSHSignature(armored: signature).publicKey.fingerprint)"
        do {
            let index = try await record(entry)
            return [
                "number": .integer(approval.number), "bundle": .string(approval.bundle),
                "approvers": .array(names.map { .string($0) }), "needed": .integer(needed),
                "complete": .bool(names.count >= needed), "leaf": .integer(Int64(clamping: index)),
            ]
        } catch {
            if error.leftNoEntry { store.withdraw(approval, by: person.name) }
            throw error
        }
    }

    /// `config-approvals`: what is approved, and what waits for more approvers.
    func approvals(_ reader: inout ObjectReader) throws -> JSONValue {
        try reader.finish()
        _ = try quorum()
        let manifest = inForce.current.signed
        let newest = standing.newestApproval
        let documents = approvedDocuments(from: max(1, newest)).map { signed -> JSONValue in
            [
                "approval": .string(String(decoding: signed.approval.bytes, as: UTF8.self)),
                "approvers": .array(signed.approvers.map { .string($0) }),
            ]
        }
        return [
            "appliance": .string(manifest.appliance), "needed": .integer(manifest.dials.configApprovals),
            "newest": .integer(newest), "approvers": .array(manifest.approvers.map { .string($0.name) }),
            "documents": .array(documents),
        ]
    }

    private func approvedDocuments(from number: Int64) -> [BundleApprovals.Signed] {
        guard let custody else { return [] }
        return BundleApprovals(custody.directory).signed(from: number, by: inForce.current.signed.approvers)
    }
}
