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

    /// Puts the newest manifest of a chain in force, with the keys that stay quarantined over it.
    func replace(with next: Snapshot) { snapshot.withLock { $0 = next } }
}

extension ManifestInForce.Snapshot {
    /// What comes into force with the next manifest: it decides about those keys alone that were quarantined before it was
    /// written.
    ///
    /// An order that is younger than the manifest stands over it, as it stood over the one before: no manifest that was on
    /// its way undoes it, and none is kept from coming into force by it.
    func successor(_ chain: ManifestChain, orders: [String: Entry]) -> ManifestInForce.Snapshot {
        let next = chain.current
        let standing = quarantined.filter { kid in orders[kid].map { $0.quarantines(over: next) } ?? true }
        return ManifestInForce.Snapshot(
            next, chain: chain, quarantined: standing.intersection(next.keys.map(\.kid)))
    }

    /// Puts into an entry what stands in every one, whatever was there.
    package func complete(_ entry: inout Entry) {
        entry.custody = statement
        entry.manifestVersion = signed.version
    }
}

extension Entry {
    /// Whether a quarantine stands over a manifest: it was ordered while the manifest was in force, or after it was written.
    func quarantines(over manifest: Manifest) -> Bool {
        (manifestVersion ?? 0) >= manifest.version || (time ?? manifest.created) >= manifest.created
    }
}
