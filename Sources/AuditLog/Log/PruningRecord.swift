import Crypto
import StrictEncoding

/// What a `log.shard-pruned` entry says: which shard lost its entries, and exactly what was kept of it.
///
/// The entry is in a later shard, and counts only under a checkpoint of that: so whoever holds the disk can neither take
/// a line out of `retained`, nor remove the tiles of a shard and call it pruned.
package struct PruningRecord: Sendable, Equatable {
    /// The final checkpoint of the pruned shard.
    package let checkpoint: Checkpoint
    /// How many entries were kept.
    package let count: Int
    /// SHA-256 of the file `retained`.
    package let digest: [UInt8]

    /// What an entry must say of a shard with this final checkpoint, of which these lines were kept.
    init(_ checkpoint: Checkpoint, retained lines: [UInt8]) {
        self.checkpoint = checkpoint
        count = lines.count { $0 == 0x0A }
        digest = Array(SHA256.hash(data: lines))
    }

    /// What an entry says; nil when it records no pruning, or does not say what was kept.
    package init?(_ entry: Entry) {
        guard entry.kind == .logShardPruned, let detail = entry.detail, let origin = detail["pruned_origin"],
            let size = detail["pruned_size"].flatMap({ UInt64($0) }),
            let root = detail["pruned_root"].flatMap({ StandardBase64.decode($0.utf8) }),
            let count = detail["retained_count"].flatMap({ Int($0) }),
            let digest = detail["retained_sha256"].flatMap({ StandardBase64.decode($0.utf8) })
        else { return nil }
        checkpoint = Checkpoint(origin: origin, size: size, root: root)
        (self.count, self.digest) = (count, digest)
    }

    /// The members of the entry's `detail`.
    var detail: [String: String] {
        Checkpoint.detail(checkpoint, prefix: "pruned").merging([
            "retained_count": String(count), "retained_sha256": StandardBase64.string(digest),
        ]) { $1 }
    }
}
