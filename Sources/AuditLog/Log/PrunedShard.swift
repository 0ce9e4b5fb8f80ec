import Crypto
import Glibc
import StrictEncoding

/// A closed shard whose entries were removed, but for those that still say what is in force.
///
/// What stays is the final checkpoint, and `retained`: one line of JSON for each kept entry with its proof, so that
/// nothing in it has to be believed. That nothing is missing in it, the `log.shard-pruned` entry of a later shard says
/// (`PruningRecord`). The first entry is always kept: it ties the shard to the one before.
package struct PrunedShard: Sendable {
    /// What a pruned shard holds, with each entry checked against the final checkpoint.
    struct Contents {
        let note: SignedNote
        let checkpoint: Checkpoint
        let signers: [VerifierKey]
        /// Index and bytes of each entry, in their order.
        let entries: [(index: UInt64, bytes: [UInt8])]
        /// What an entry that records this pruning must say.
        let record: PruningRecord
    }

    private let layout: LogLayout

    /// The shard of a directory.
    package init(directory: String) { layout = LogLayout(directory) }

    /// The file of what was kept.
    var retained: String { layout.directory + "/retained" }

    /// Reads all of it, and checks signature and proofs; without `keys` the signature is for the caller's later shard to
    /// make up for, which names the checkpoint.
    ///
    /// Whether an entry is missing is for the caller to ask: of `record`, and of the entries of later shards.
    func contents(keys: [VerifierKey]?, origin: String) throws(AuditLogError) -> Contents {
        do throws(AuditLogError) {
            let note = try SignedNote(parsing: OpenFile.contents(of: layout.checkpoint))
            let checkpoint = try Checkpoint(text: note.text)
            guard checkpoint.origin.hasSameBytes(as: origin) else {
                throw AuditLogError(.wrongOrigin, "the checkpoint is of another log")
            }
            let signers = try keys.map { (keys) throws(AuditLogError) in try note.verified(by: keys) } ?? []
            let lines = try OpenFile.contentsIfPresent(of: retained) ?? []
            return Contents(
                note: note, checkpoint: checkpoint, signers: signers, entries: try entries(lines, checkpoint),
                record: PruningRecord(checkpoint, retained: lines))
        } catch {
            throw AuditLogError(error.code, error.reason, path: error.path ?? layout.checkpoint)
        }
    }

    /// The entries that were kept, each checked against the final checkpoint.
    package func forEach(
        _ body: (_ index: UInt64, _ entry: [UInt8]) throws(AuditLogError) -> Void
    ) throws(AuditLogError) {
        guard let bytes = try OpenFile.contentsIfPresent(of: retained) else { return }
        let checkpoint = try Checkpoint(text: SignedNote(parsing: OpenFile.contents(of: layout.checkpoint)).text)
        for (index, entry) in try entries(bytes, checkpoint) { try body(index, entry) }
    }

    private func entries(
        _ lines: [UInt8], _ checkpoint: Checkpoint
    ) throws(AuditLogError) -> [(index: UInt64, bytes: [UInt8])] {
        var entries: [(index: UInt64, bytes: [UInt8])] = []
        for line in lines.split(separator: 0x0A) {
            guard let object = (try? JSONParser.parse(Array(line)))?.object, let index = object["index"]?.integer,
                let entry = object["entry"].map({ JSONWriter.canonical($0) }), let path = object["proof"]?.strings
            else { throw AuditLogError(.badBundle, "a line is no entry with its proof", path: retained) }
            let hashes = path.compactMap { StandardBase64.decode($0.utf8) }.filter { $0.count == MerkleHash.byteCount }
            let root = MerkleProof.root(
                leaf: .leaf(entry[...]), index: UInt64(clamping: index), size: checkpoint.size,
                proof: hashes.map { MerkleHash(bytes: $0[...]) })
            guard hashes.count == path.count, root?.bytes == checkpoint.root else {
                throw AuditLogError(.badBundle, "an entry is not what the checkpoint covers", path: retained)
            }
            entries.append((UInt64(clamping: index), entry))
        }
        return entries
    }

    /// Puts aside what stays of a closed shard: its first entry and those that `isRetained` admits.
    ///
    /// Whoever calls it has verified the shard. It removes nothing, and may be done again.
    func retain(
        isRetained: (Entry) -> Bool, operations: FileOperations
    ) throws(AuditLogError) -> PruningRecord {
        let prover = try LogProver(directory: layout.directory)
        var lines: [UInt8] = []
        try LogReader(directory: layout.directory).forEach(in: 0..<prover.checkpoint.size) {
            (index, bytes) throws(AuditLogError) in
            // The first says what the shard continues, and so keeps the chain.
            // What a newer version wrote, nobody here can say of that it is not needed.
            guard index == 0 || (try? Entry(jsonBytes: bytes)).map(isRetained) ?? true else { return }
            lines += try LogSeries.line(index: index, bytes: bytes, proof: try prover.proof(index: index, entry: bytes))
            lines.append(0x0A)
        }
        try LastCheckpoint(path: retained).write(lines, operations)
        return PruningRecord(prover.checkpoint, retained: lines)
    }

    /// Removes what a closed shard holds but for its final checkpoint and what was put aside.
    ///
    /// Whoever calls it has recorded that it goes. A crash leaves a shard that this may be called for again.
    func removeEntries(_ operations: FileOperations) throws(AuditLogError) {
        // The tiles go under another name first, so that a log without all of them is never taken for a whole one.
        let tiles = layout.directory + "/tile"
        if Directory.isDirectory(tiles, followsLinks: false) {
            try Directory(layout.temporary).make()
            let failure = operations.rename(tiles, layout.temporary + "/tile")
            guard failure == 0 else { throw .space("rename", failure, path: tiles) }
            try Directory(layout.directory).sync(operations)
        }
        for path in [layout.temporary, layout.journal] { try Directory(path).removeTree(operations) }
        try Directory.remove(layout.directory + "/lock", operations)
        try Directory(layout.directory).sync(operations)
    }

    /// Whether a removal was cut short, so that entries are still there, out of an auditor's sight.
    var hasRemains: Bool {
        get throws(AuditLogError) {
            try Directory(layout.directory).list().contains {
                !["checkpoint", "witnessed", "retained"].contains($0.name)
            }
        }
    }
}

extension LogSeries {
    /// An entry as one line of JSON, with its place and its proof: what exports and pruned shards are made of.
    package static func line(index: UInt64, bytes: [UInt8], proof: LogProof?) throws(AuditLogError) -> [UInt8] {
        guard let entry = try? JSONParser.parse(bytes) else { throw AuditLogError(.badBundle, "an entry is not JSON") }
        var object = JSONObject()
        object["index"] = .integer(Int64(clamping: index))
        object["entry"] = entry
        object["leaf_hash"] = .string(StandardBase64.string(MerkleHash.leaf(bytes[...]).bytes))
        object["proof"] = proof.map { .array($0.path.map { .string($0) }) }
        return JSONWriter.canonical(.object(object))
    }
}
