package import AuditLog
import CoreProtocol

/// Finds in the log what is in force, at a start of the core.
package enum RevocationReplay {
    /// The `revoked` and `cutoff` entries that are in force, in the order of the log.
    ///
    /// Of what lies before the snapshot's place nothing is read; without a snapshot the whole log is searched.
    package static func entries(
        directory: String, snapshot: RevocationSnapshot?, now: Int64
    ) throws(AuditLogError) -> [Entry] {
        var entries = snapshot?.entries ?? []
        let start = snapshot?.position ?? .init(shard: 0, size: 0)
        for shard in try LogSeries(directory: directory).shards() where shard.number >= start.shard {
            let from = shard.number == start.shard ? start.size : 0
            // A pruned shard was closed, exported and old: what it stopped is over.
            guard try !LogSeries.isPruned(shard.directory) else { continue }
            try LogReader(directory: shard.directory).forEach(in: from..<UInt64.max) {
                (_, bytes) throws(AuditLogError) in
                if stops(bytes) { entries.append(try Entry(jsonBytes: bytes)) }
            }
        }
        return entries.filter { (RevocationList.end(of: $0) ?? 0) > now }
    }

    /// Whether an entry is a revocation or cut-off, told from its bytes: parsing a million entries would take long.
    ///
    /// Entries are canonical JSON, in which no string can hold these bytes: its quotes have backslashes before them.
    private static func stops(_ entry: [UInt8]) -> Bool {
        let bytes = entry.span
        let name = kindMember.span
        var index = 0
        while index + name.count < bytes.count {
            var matched = 0
            while matched < name.count, bytes[index + matched] == name[matched] { matched += 1 }
            if matched == name.count {
                let value = entry[(index + matched)...]
                return value.starts(with: #"revoked""#.utf8) || value.starts(with: #"cutoff""#.utf8)
            }
            index += 1
        }
        return false
    }

    private static let kindMember = Array(#""kind":""#.utf8)
}
