package import AuditLog
import CoreProtocol

/// Finds in the log what is in force, at a start of the core.
///
/// Nothing is taken from the log's files that its checkpoints do not vouch for, but for the journal's newest entries
/// (`VerifiedReplay`).
package struct RevocationReplay {
    /// The `revoked` and `cutoff` entries that are in force, in the order of the log.
    package private(set) var stops: [Entry] = []
    /// The entries that may stand, in the order of the log (`StandingLeaves`).
    package private(set) var standing: [Entry] = []

    /// Of what lies before the snapshot's place nothing is read; without a snapshot the whole log is searched.
    ///
    /// So it is when the snapshot is of another history, as when an older copy of the log was put back: what was in force
    /// stays so, but its place means nothing any more. Of pruned shards the log has kept what is in force.
    package init(
        directory: String, origin: String, keys: [VerifierKey], snapshot: RevocationSnapshot?, now: Int64
    ) throws(AuditLogError) {
        // A snapshot holds what it knew when it was made, which may be more than lies before its place.
        let known = Set((snapshot?.entries ?? []).map(\.canonicalBytes))
        for entry in snapshot?.entries ?? [] { take(entry) }
        let found = try VerifiedReplay.entries(
            directory: directory, origin: origin, keys: keys, kinds: Self.kinds, from: snapshot?.place)
        for entry in found {
            let isStop = !StandingLeaves.concerns(entry.kind)
            if !isStop || !known.contains(entry.canonicalBytes) { take(entry) }
        }
        stops.removeAll { (RevocationList.end(of: $0) ?? 0) <= now }
    }

    private mutating func take(_ entry: Entry) {
        if StandingLeaves.concerns(entry.kind) { standing.append(entry) } else { stops.append(entry) }
    }

    private static let kinds = Set(
        Entry.Kind.allCases.filter { $0 == .revoked || $0 == .cutoff || StandingLeaves.concerns($0) })
}
