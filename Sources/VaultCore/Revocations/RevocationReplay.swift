package import AuditLog
import CoreProtocol

/// Finds in the log what is in force, at a start of the core.
package struct RevocationReplay {
    /// The `revoked` and `cutoff` entries that are in force, in the order of the log.
    package private(set) var stops: [Entry] = []
    /// The entries that may stand, in the order of the log (`StandingLeaves`).
    package private(set) var standing: [Entry] = []

    /// Of what lies before the snapshot's place nothing is read; without a snapshot the whole log is searched.
    package init(directory: String, snapshot: RevocationSnapshot?, now: Int64) throws(AuditLogError) {
        for entry in snapshot?.entries ?? [] { take(entry) }
        let start = snapshot?.position ?? .init(shard: 0, size: 0)
        var found: [Entry] = []
        for shard in try LogSeries(directory: directory).shards() where shard.number >= start.shard {
            let from = shard.number == start.shard ? start.size : 0
            if try LogSeries.isPruned(shard.directory) {
                // A pruned shard was closed, exported and old: what it stopped is over, but what stands was kept.
                try PrunedShard(directory: shard.directory).forEach { (_, bytes) throws(AuditLogError) in
                    if Self.concerns(bytes) { found.append(try Entry(jsonBytes: bytes)) }
                }
                continue
            }
            try LogReader(directory: shard.directory).forEach(in: from..<UInt64.max) {
                (_, bytes) throws(AuditLogError) in
                if Self.concerns(bytes) { found.append(try Entry(jsonBytes: bytes)) }
            }
        }
        for entry in found { take(entry) }
        stops.removeAll { (RevocationList.end(of: $0) ?? 0) <= now }
    }

    private mutating func take(_ entry: Entry) {
        if StandingLeaves.concerns(entry.kind) { standing.append(entry) } else { stops.append(entry) }
    }

    /// Whether an entry may be of use, told from its bytes: parsing a million entries would take long.
    ///
    /// Entries are canonical JSON, in which no string can hold these bytes: its quotes have backslashes before them.
    private static func concerns(_ entry: [UInt8]) -> Bool {
        let bytes = entry.span
        let name = kindMember.span
        var index = 0
        while index + name.count < bytes.count {
            var matched = 0
            while matched < name.count, bytes[index + matched] == name[matched] { matched += 1 }
            if matched == name.count {
                let value = entry[(index + matched)...]
                return kinds.contains { value.starts(with: $0) }
            }
            index += 1
        }
        return false
    }

    private static let kindMember = Array(#""kind":""#.utf8)
    private static let kinds = Entry.Kind.allCases.filter {
        $0 == .revoked || $0 == .cutoff || StandingLeaves.concerns($0)
    }
    .map { Array("\($0.rawValue)\"".utf8) }
}
