import AuditLog
import CoreProtocol
package import Custody
import Logging
import StrictEncoding

extension VaultCore {
    /// Takes the next manifest of the chain into force while the core runs; returns the index of its leaf.
    ///
    /// Everything is checked first: the link, the quorum's signatures, that every active key is in its token and signs.
    /// What is refused changes nothing, and requests in flight are served throughout. Ceremonies alone call this, whose plan a
    /// quorum has approved and whose steps have judged what the manifest changes: no command of a socket leads here.
    @discardableResult
    package func install(_ next: Manifest) async throws -> UInt64 {
        let custody = try quorum()
        return try await custody.turns.take { try await self.installNow(next, custody) }
    }

    private func installNow(_ next: Manifest, _ custody: QuorumCustody) async throws -> UInt64 {
        let snapshot = inForce.current
        guard let before = snapshot.chain else { throw CoreError(.refused, "there is no chain of manifests") }
        let chain = try ManifestChain(verifying: before.manifests + [next])
        let following = snapshot.successor(chain, orders: standing.quarantines)
        try check(following, custody)
        let hostKey = try custody.hostKey(of: next)
        let isOtherHostKey = hostKey.publicKey != custody.hostKey.publicKey
        var binding = isSealed ? nil : try await hsms.bind(following.effective)
        try custody.directory.add(next)
        let index: UInt64
        do {
            var entry = VaultCore.installation(of: next)
            if isOtherHostKey { entry.detail?["host_key"] = hostKey.publicKey.fingerprint }
            if !following.quarantined.isEmpty {
                // As many as a leaf holds: each has a leaf of its own.
                entry.detail?["quarantined"] = following.quarantined.sorted().prefix(8).joined(separator: " ")
            }
            index = try await recordInstallation(entry, of: next)
        } catch {
            // Where the leaf may be there, the manifest must be: the next start says that it is in force.
            if error.leftNoEntry { custody.directory.withdraw(next) }
            throw error
        }
        // From here on it is in force: it is durable, and the log knows it.
        let placement = Result { () throws(CustodyError) in
            // Whoever dies before this finds the key by the manifest at the next start.
            if isOtherHostKey { try custody.directory.settleHostKey(of: next) }
        }
        let desk = try custody.replaceDesk(with: chain, hostKey: hostKey)
        inForce.replace(with: following)
        let manifest = following.effective
        while let bound = binding, !hsms.commit(bound) { binding = try? await hsms.bind(manifest) }
        if binding == nil {
            hsms.withdraw(Set(manifest.keys.filter { $0.state != .active }.map(\.kid)), under: manifest)
        }
        try adoptCheckpointKeys(of: manifest)
        readmit { isApproved($0) }
        keepForRestart(custody)
        await recordEnded(desk)
        logger.notice("a manifest is in force", metadata: ["version": "\(next.version)"])
        try placement.get()
        return index
    }

    /// Says of manifests that a process has put in place, and died before it could say so, that they are in force: who
    /// removes one later is found out, and keys have been in their states since then.
    func recordUntoldManifests() async throws(AuditLogError) {
        guard let known = standing.newestManifest?.version, let chain = inForce.current.chain else { return }
        for manifest in chain.manifests where manifest.version > known {
            _ = try await recordInstallation(VaultCore.installation(of: manifest), of: manifest)
        }
    }

    private static func installation(of manifest: Manifest) -> Entry {
        var entry = Entry(kind: .adminManifestInstalled)
        entry.detail = [
            "manifest_hash": manifest.hash, "version": "\(manifest.version)",
            "epoch": "\(manifest.activation?.epoch ?? 0)",
        ]
        entry.detail?["previous"] = manifest.previous
        return entry
    }

    /// The leaf names the manifest that it puts in force, not the one before.
    private func recordInstallation(_ entry: Entry, of next: Manifest) async throws(AuditLogError) -> UInt64 {
        var entry = entry
        entry.custody = next.custodyStatement
        entry.manifestVersion = next.version
        let leaf = try await log.append(entry)
        entry.time = leaf.time
        standing.add(entry)
        return leaf.index
    }

    private func check(_ following: ManifestInForce.Snapshot, _ custody: QuorumCustody) throws {
        let next = following.signed
        try VaultCore.checkRoutes(next, file: custody.directory.manifestFile(next.version))
        try VaultCore.checkPlan(settings, next)
        _ = try VaultCore.checkpointSigners(settings, following.effective, hsms)
        let epoch = next.activation?.epoch ?? 0
        let pins = try custody.directory.readPINs(epoch: epoch)
        guard pins.appliance == next.appliance, next.tokens.allSatisfy({ pins.serials.contains($0.serial) }) else {
            throw CustodyError(
                .foreign, "\(custody.directory.pinsFile(epoch: epoch)) does not hold the PIN of each of its tokens")
        }
    }

    private func adoptCheckpointKeys(of manifest: Manifest) throws {
        let keys = try VaultCore.checkpointSigners(settings, manifest, hsms)
        let active = isSealed ? [] : keys.filter(\.isActive)
        signers.replace(with: active, trusted: keys.map(\.verifierKey))
        snapshots.replace(signers: active)
        do {
            try log.publishVerifierKeys()
        } catch {
            logger.error("the keys that verify the log were not published", metadata: ["reason": "\(error)"])
        }
    }
}
