package import AuditLog
package import StrictEncoding
import Synchronization

/// What the log says of the appliance itself and is true until a later leaf says otherwise: the newest manifest it knows,
/// keys that were quarantined, the newest approved bundle, the current version of each sealed secret.
///
/// Found in the log at a start, and kept up to date by every leaf that is written.
package final class StandingLeaves: Sendable {
    private let entries: Mutex<[String: Entry]>

    /// What was found in the log, in its order.
    package init(_ found: [Entry] = []) {
        var entries: [String: Entry] = [:]
        for entry in found { Self.take(entry, into: &entries) }
        self.entries = Mutex(entries)
    }

    /// Takes over a leaf that has become durable, if it is one of those that stand.
    package func add(_ entry: Entry) { entries.withLock { Self.take(entry, into: &$0) } }

    /// All of them, for a snapshot.
    package var all: [Entry] { entries.withLock { $0.sorted { $0.key < $1.key }.map(\.value) } }

    /// Whether a leaf of this kind may stand.
    package static func concerns(_ kind: Entry.Kind) -> Bool {
        switch kind {
        case .adminCoreStarted, .activationContributed, .adminManifestInstalled, .adminKeyQuarantined, .configApproved,
            .secretSealed, .secretRotated, .secretRewrapped, .secretRemoved:
            true
        default: false
        }
    }

    /// The newest manifest that the log knows: its version, and the hash where a leaf gave it.
    package var newestManifest: (version: Int64, hash: String?)? {
        let known = entries.withLock { entries in
            entries.filter { $0.key == "started" || $0.key.hasPrefix("installed/") }.map(\.value)
        }
        return known.compactMap { entry in
            entry.manifestVersion.map { ($0, entry.detail?["manifest_hash"]) }
        }.max { $0.0 < $1.0 }
    }

    /// When a manifest came into force, by the leaf that says so; nil when the log has none any more.
    package func installation(of version: Int64) -> UnixTime? {
        entries.withLock { $0["installed/\(version)"]?.time }
    }

    /// When each custodian last proved to have the share of an epoch, by activating or in a ceremony.
    package func proofs(epoch: Int64) -> [String: UnixTime] {
        entries.withLock { entries in
            entries.values.reduce(into: [:]) { found, entry in
                guard entry.kind == .activationContributed, let name = entry.detail?["custodian"],
                    entry.detail?["epoch"] == "\(epoch)", let time = entry.time
                else { return }
                found[name] = time
            }
        }
    }

    /// The leaves that quarantine keys, by kid.
    package var quarantines: [String: Entry] {
        entries.withLock { entries in
            entries.values.reduce(into: [:]) { found, entry in
                guard entry.kind == .adminKeyQuarantined, let kid = entry.kid else { return }
                found[kid] = entry
            }
        }
    }

    /// The number of the newest bundle that enough approvers have signed.
    package var newestApproval: Int64 { entries.withLock { $0["approved"].map(Self.number(of:)) ?? 0 } }

    private static func number(of approval: Entry) -> Int64 { approval.detail?["number"].flatMap { Int64($0) } ?? 0 }

    /// The newest leaf about each sealed secret, by its name.
    package var secrets: [String: Entry] {
        entries.withLock { entries in
            entries.values.reduce(into: [:]) { found, entry in
                guard entry.kind.group == "secret", let name = entry.secret else { return }
                found[name] = entry
            }
        }
    }

    private static func take(_ entry: Entry, into entries: inout [String: Entry]) {
        switch entry.kind {
        case .adminCoreStarted: entries["started"] = entry
        case .adminManifestInstalled:
            if let version = entry.manifestVersion { entries["installed/\(version)"] = entry }
        case .activationContributed:
            if let name = entry.detail?["custodian"] { entries["contributed/\(name)"] = entry }
        case .adminKeyQuarantined: if let kid = entry.kid { entries["quarantined/\(kid)"] = entry }
        case .configApproved:
            // The leaf of the signature that made it enough.
            guard entry.detail?["complete"] == "yes", number(of: entry) > entries["approved"].map(number(of:)) ?? 0
            else { return }
            entries["approved"] = entry
        case .secretSealed, .secretRotated, .secretRewrapped, .secretRemoved:
            if let name = entry.secret { entries["secret/\(name)"] = entry }
        default: break
        }
    }
}
