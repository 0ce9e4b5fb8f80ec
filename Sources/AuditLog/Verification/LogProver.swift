import StrictEncoding

/// Makes proofs out of a log's files, offline; each is checked before it is given away.
package struct LogProver {
    private let layout: LogLayout
    /// The newest checkpoint as it is signed; every proof leads to it, however the log grows meanwhile.
    package let note: [UInt8]
    /// The newest checkpoint; its signature is for whoever gets the proof to check.
    package let checkpoint: Checkpoint
    private let reader: TileReader

    /// A prover for the log, or the shard, of a directory.
    package init(directory: String) throws(AuditLogError) {
        layout = LogLayout(directory)
        note = try OpenFile.contents(of: layout.checkpoint)
        checkpoint = try Checkpoint(text: SignedNote(parsing: note).text)
        reader = TileReader(layout, size: checkpoint.size)
    }

    /// A proof for the entry at an index.
    ///
    /// - Parameters:
    ///   - index: Below the checkpoint's size.
    ///   - entry: The entry's bytes.
    ///   - prefersWitnessed: Whether the proof leads to the newest checkpoint with a quorum of cosignatures, if that
    ///     covers the entry; else to the newest of all.
    /// - Returns: A proof that holds against the checkpoint in it.
    /// - Throws: `missingFile` when no checkpoint covers the entry yet, `badTile` when the tiles do not give the root.
    package func proof(
        index: UInt64, entry: [UInt8], prefersWitnessed: Bool = false
    ) throws(AuditLogError) -> LogProof {
        guard index < checkpoint.size else {
            throw AuditLogError(.missingFile, "no checkpoint covers the entry yet", path: layout.checkpoint)
        }
        let (checkpoint, note) = prefersWitnessed ? try witnessed(covering: index) : (self.checkpoint, note)
        let hashes = try reader.inclusionProof(of: index, count: checkpoint.size)
        let root = MerkleProof.root(leaf: .leaf(entry[...]), index: index, size: checkpoint.size, proof: hashes)
        guard root?.bytes == checkpoint.root else {
            throw AuditLogError(.badTile, "the tiles do not lead from the entry to the root", path: layout.directory)
        }
        return LogProof(index: index, hashes: hashes, note: note)
    }

    private func witnessed(covering index: UInt64) throws(AuditLogError) -> (Checkpoint, [UInt8]) {
        guard let bytes = try OpenFile.contentsIfPresent(of: layout.witnessed) else { return (checkpoint, note) }
        let witnessed = try Checkpoint(text: SignedNote(parsing: bytes).text)
        let isEarlier = witnessed.size < checkpoint.size
        return index < witnessed.size && isEarlier ? (witnessed, bytes) : (checkpoint, note)
    }
}

extension LogSeries {
    /// An entry and where it stands.
    package struct Found: Sendable {
        /// Number of its shard, counted from 1.
        package let shard: UInt64
        /// Where that shard lies.
        package let directory: String
        /// Where it stands in the shard, counted from 0.
        package let index: UInt64
        /// The leaf, as it is hashed.
        package let bytes: [UInt8]
        /// The kind of entry; nil where a newer version wrote one that does not say.
        package let kind: String?
    }

    /// The entries about one credential, by the `jti` it has or had; oldest first, and of shards that have their entries.
    ///
    /// One that a newer version wrote is among them.
    package func entries(jti: String) throws(AuditLogError) -> [Found] {
        var found: [Found] = []
        // Nearly every entry is passed over by its bytes alone; those that may be meant are read strictly.
        let needle = Array("\"jti\":\"\(jti)\"".utf8)
        for shard in try shards() where try !LogSeries.isPruned(shard.directory) {
            try LogReader(directory: shard.directory).forEach(in: 0..<UInt64.max) {
                (index, bytes) throws(AuditLogError) in
                guard bytes.contains(needle), let object = (try? JSONParser.parse(bytes))?.object,
                    object["jti"]?.string == jti
                else { return }
                found.append(
                    Found(
                        shard: shard.number, directory: shard.directory, index: index, bytes: bytes,
                        kind: object["kind"]?.string))
            }
        }
        return found
    }
}
