package import AuditLog
package import Custody
import Synchronization

/// The manifest that governs the core now, with the keys that were quarantined since it was signed.
package final class ManifestInForce: Sendable {
    /// Everything that is derived from one manifest, so that readers share it.
    package final class Snapshot: Sendable {
        /// As it was signed.
        package let signed: Manifest
        /// Its hash, which is not taken for every question.
        package let hash: String
        /// With the quarantined keys in that state.
        package let effective: Manifest
        /// What stands in every entry of the log.
        package let statement: String
        /// From the first manifest to this one; nil under development custody.
        package let chain: ManifestChain?
        /// The kids of keys that are quarantined by an order, and not by the manifest.
        package let quarantined: Set<String>

        init(_ signed: Manifest, chain: ManifestChain?, quarantined: Set<String>) {
            self.signed = signed
            self.chain = chain
            self.quarantined = quarantined
            hash = signed.hash
            statement = signed.custodyStatement
            var effective = signed
            for index in effective.keys.indices
            where quarantined.contains(effective.keys[index].kid) && effective.keys[index].state != .destroyed {
                effective.keys[index].state = .quarantined
            }
            self.effective = effective
        }
    }

    private let snapshot: Mutex<Snapshot>

    /// A manifest that nobody vouches for.
    init(development manifest: Manifest) {
        snapshot = Mutex(Snapshot(manifest, chain: nil, quarantined: []))
    }

    /// The newest of a verified chain.
    init(chain: ManifestChain) {
        snapshot = Mutex(Snapshot(chain.current, chain: chain, quarantined: []))
    }

    /// What is in force at this moment.
    package var current: Snapshot { snapshot.withLock { $0 } }

    /// Takes keys out of use beside what the manifest says.
    func quarantine(_ kids: Set<String>) {
        snapshot.withLock { $0 = Snapshot($0.signed, chain: $0.chain, quarantined: $0.quarantined.union(kids)) }
    }

    /// Puts the newest manifest of a chain in force; it decides about every key that was quarantined before.
    func replace(with chain: ManifestChain) {
        snapshot.withLock { $0 = Snapshot(chain.current, chain: chain, quarantined: []) }
    }
}

extension ManifestInForce.Snapshot {
    /// Puts into an entry what stands in every one, whatever was there.
    package func complete(_ entry: inout Entry) {
        entry.custody = statement
        entry.manifestVersion = signed.version
    }
}
