import StrictEncoding

/// What a log sends to a witness: its newest checkpoint, and that it continues the one the witness knows.
///
/// Source: C2SP tlog-witness, "add-checkpoint".
package struct AddCheckpoint: Sendable, Equatable {
    /// A tree of 2^63 entries needs no more.
    private static let maximumHashes = 63

    /// The size of the last checkpoint that the witness cosigned, as far as the log knows.
    package let oldSize: UInt64
    /// A consistency proof (RFC 6962 section 2.1.2).
    let proof: [MerkleHash]
    /// The newest checkpoint with the log's signatures.
    package let note: SignedNote
    /// The same, read.
    package let checkpoint: Checkpoint

    init(oldSize: UInt64, proof: [MerkleHash], note: SignedNote, checkpoint: Checkpoint) {
        self.oldSize = oldSize
        self.proof = proof
        self.note = note
        self.checkpoint = checkpoint
    }

    /// Reads a request's body strictly.
    package init(parsing bytes: [UInt8]) throws(AuditLogError) {
        let fault = AuditLogError(.badNote, "not an add-checkpoint request")
        // The first empty line ends the proof; what follows is the checkpoint, byte for byte.
        guard let end = bytes.indices.dropLast().first(where: { bytes[$0] == 0x0A && bytes[$0 + 1] == 0x0A }),
            let head = String(validating: bytes[..<end], as: UTF8.self)
        else { throw fault }
        let lines = head.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines[0].hasPrefix("old "), let oldSize = UInt64(lines[0].dropFirst(4)), lines[0] == "old \(oldSize)",
            lines.count - 1 <= AddCheckpoint.maximumHashes
        else { throw fault }
        var proof: [MerkleHash] = []
        for line in lines.dropFirst() {
            guard let hash = StandardBase64.decode(line.utf8), hash.count == MerkleHash.byteCount else { throw fault }
            proof.append(MerkleHash(bytes: hash[...]))
        }
        let note = try SignedNote(parsing: Array(bytes[(end + 2)...]))
        self.init(oldSize: oldSize, proof: proof, note: note, checkpoint: try Checkpoint(text: note.text))
    }

    /// The request's body.
    package var bytes: [UInt8] {
        let lines = ["old \(oldSize)"] + proof.map { StandardBase64.string($0.bytes) }
        return Array((lines.joined(separator: "\n") + "\n\n").utf8) + note.bytes
    }
}
