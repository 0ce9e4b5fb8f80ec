import StrictEncoding

/// The root of the tree at one size.
///
/// Source: C2SP tlog-checkpoint, "Note text".
package struct Checkpoint: Sendable, Equatable {
    /// Names the log.
    package var origin: String
    /// How many leaves the tree has.
    package var size: UInt64
    /// The Merkle tree hash at that size, 32 bytes.
    package var root: [UInt8]

    /// A tree head of a log.
    package init(origin: String, size: UInt64, root: [UInt8]) {
        self.origin = origin
        self.size = size
        self.root = root
    }

    /// Reads a note's text; extension lines are refused, as this log writes none.
    package init(text: [UInt8]) throws(AuditLogError) {
        guard let whole = String(validating: text, as: UTF8.self) else {
            throw AuditLogError(.badNote, "the checkpoint is not UTF-8")
        }
        let lines = whole.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(
            Substring.init)
        guard lines.count == 4, lines[3].isEmpty, !lines[0].isEmpty else {
            throw AuditLogError(.badNote, "the checkpoint has not three lines")
        }
        // The comparison refuses signs and leading zeroes.
        guard let size = UInt64(lines[1]), String(size) == lines[1] else {
            throw AuditLogError(.badNote, "the checkpoint's size is not a number")
        }
        guard let root = StandardBase64.decode(lines[2].utf8), root.count == MerkleHash.byteCount else {
            throw AuditLogError(.badNote, "the checkpoint's root is not a hash")
        }
        self.init(origin: String(lines[0]), size: size, root: root)
    }

    /// The text that is signed.
    package var text: [UInt8] { Array("\(origin)\n\(size)\n\(StandardBase64.string(root))\n".utf8) }
}
