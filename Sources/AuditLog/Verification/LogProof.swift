import StrictEncoding

/// Shows that one entry is in a log: its index, the hashes that lead to the root, and the signed checkpoint.
///
/// Source: C2SP tlog-proof.
package struct LogProof: Sendable, Equatable {
    private static let header = "c2sp.org/tlog-proof@v1"
    /// A tree of 2^63 entries needs no more.
    private static let maximumHashes = 63

    /// Where the entry stands in its log.
    package let index: UInt64
    let hashes: [MerkleHash]
    /// The checkpoint as it is stored.
    package let note: [UInt8]

    init(index: UInt64, hashes: [MerkleHash], note: [UInt8]) {
        self.index = index
        self.hashes = hashes
        self.note = note
    }

    /// Reads a proof strictly; extra data, which this log never writes, is refused.
    package init(parsing bytes: [UInt8]) throws(AuditLogError) {
        let fault = AuditLogError(.badNote, "not a proof")
        // The first empty line ends the proof; what follows is the checkpoint, byte for byte.
        guard bytes.count < 1 << 20,
            let end = bytes.indices.dropLast().first(where: { bytes[$0] == 0x0A && bytes[$0 + 1] == 0x0A }),
            let head = String(validating: bytes[..<end], as: UTF8.self)
        else { throw fault }
        let lines = head.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 2, lines.count - 2 <= LogProof.maximumHashes, lines[0] == LogProof.header,
            lines[1].hasPrefix("index "), let index = UInt64(lines[1].dropFirst(6)),
            lines[1] == "index \(index)"
        else { throw fault }
        var hashes: [MerkleHash] = []
        for line in lines.dropFirst(2) {
            guard let hash = StandardBase64.decode(line.utf8), hash.count == MerkleHash.byteCount else { throw fault }
            hashes.append(MerkleHash(bytes: hash[...]))
        }
        self.init(index: index, hashes: hashes, note: Array(bytes[(end + 2)...]))
    }

    /// The proof as a file has it.
    package var bytes: [UInt8] {
        let lines = [LogProof.header, "index \(index)"] + hashes.map { StandardBase64.string($0.bytes) }
        return Array((lines.joined(separator: "\n") + "\n\n").utf8) + note
    }

    /// The hashes as base64, leaf to root.
    package var path: [String] { hashes.map { StandardBase64.string($0.bytes) } }

    /// Checks that `entry` is in the log that one of `keys` signs, and returns the checkpoint that covers it.
    @discardableResult
    package func verify(entry: [UInt8], keys: [VerifierKey]) throws(AuditLogError) -> Checkpoint {
        let note = try SignedNote(parsing: note)
        let checkpoint = try Checkpoint(text: note.text)
        var named: [VerifierKey] = []
        for key in keys where LogProof.isOrigin(checkpoint.origin, of: key.name) {
            let key = try key.named(checkpoint.origin)
            if !named.contains(key) { named.append(key) }
        }
        try note.verified(by: named)
        let root = MerkleProof.root(leaf: .leaf(entry[...]), index: index, size: checkpoint.size, proof: hashes)
        guard root?.bytes == checkpoint.root else {
            throw AuditLogError(.badRoot, "the proof does not lead from this entry to the checkpoint's root")
        }
        return checkpoint
    }

    /// Whether `origin` names the log that a key is named after, or a later shard of it.
    static func isOrigin(_ origin: String, of name: String) -> Bool {
        if origin.hasSameBytes(as: name) { return true }
        guard origin.hasPrefix(name + "/"), let number = UInt64(origin.dropFirst(name.count + 1)) else { return false }
        return origin.hasSameBytes(as: LogSeries.origin(name, number))
    }
}
