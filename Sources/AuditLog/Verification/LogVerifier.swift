import Glibc
import StrictEncoding

/// Checks a whole log offline: every entry, every tile, the root, the signature.
///
/// Needs no HSM and changes nothing.
package enum LogVerifier {
    /// A log that is being written moves on between two reads; this often a moment is sought at which they agree.
    private static let attempts = 5

    /// Verifies the log of a directory and says what was found; the first fault is thrown, with its file.
    ///
    /// The root is computed from the entries alone; every tile of every level, and every partial file that is there, is
    /// compared with what the entries give. A log that is being written may be verified: what the last checkpoint does
    /// not cover is compared with the journal.
    ///
    /// - Parameters:
    ///   - directory: The log directory, or a copy of its `checkpoint` and `tile`.
    ///   - verifierKeys: The keys that may have signed; at least one must have, and none of them wrongly.
    ///   - origin: The log that is expected; nil takes the name of the key that signed.
    ///   - formerKeys: Further keys that may have signed what witnesses cosigned earlier.
    ///   - older: An earlier checkpoint of the same log, which the log must be a continuation of; nil: none is at hand.
    ///   - witnesses: Whose cosignatures are looked for; what they vouch for must be a start of the log.
    ///   - visit: Shown every entry the checkpoint covers, before the root is known to be right.
    ///   - progress: Called now and then with the number of entries checked and their total.
    /// - Returns: What is true of the log.
    /// - Throws: The first fault.
    package static func verify(
        directory: String, verifierKeys: [VerifierKey], origin: String? = nil, formerKeys: [VerifierKey] = [],
        older: Checkpoint? = nil, witnesses: WitnessPolicy? = nil, visit: (ArraySlice<UInt8>) -> Void = { _ in },
        progress: (_ checked: UInt64, _ total: UInt64) -> Void = { _, _ in }
    ) throws(AuditLogError) -> VerificationReport {
        let layout = LogLayout(directory)
        let start = try consistentStart(layout)
        let (checkpoint, signers) = try authenticate(
            start.checkpoint, keys: verifierKeys, origin: origin, path: layout.checkpoint)
        var audit = TreeAudit(layout: layout, inventory: start.inventory, covered: checkpoint.size)
        // What witnesses are said to have cosigned is a part of the log's history, whoever looks.
        let cosigned: Checkpoint? = try start.witnessed.map { (bytes) throws(AuditLogError) in
            try authenticate(
                bytes, keys: verifierKeys + formerKeys, origin: checkpoint.origin, path: layout.witnessed
            ).0
        }
        let witnessed = try witnesses?.newest(layout, checkpoint: start.checkpoint, witnessed: start.witnessed)
        let earlier = [older, cosigned].compactMap { $0 }
        for one in earlier { try compare(one, with: checkpoint, path: layout.checkpoint) }
        var roots: [UInt64: MerkleHash] = [0: audit.root]
        var lastEntry: [UInt8]?
        while audit.size < checkpoint.size {
            let path = place(at: audit.size, size: checkpoint.size)
            let bundle = try layout.bundle(path)
            for entry in try EntryBundle.entries(in: bundle.bytes, path: layout.path(path)) {
                try audit.append(bundle.bytes[entry])
                visit(bundle.bytes[entry])
                if earlier.contains(where: { $0.size == audit.size }) { roots[audit.size] = audit.root }
                if audit.size == checkpoint.size { lastEntry = Array(bundle.bytes[entry]) }
            }
            progress(audit.size, checkpoint.size)
        }
        guard audit.root.bytes == checkpoint.root else {
            throw AuditLogError(.badRoot, "the entries do not give the checkpoint's root", path: layout.checkpoint)
        }
        for one in earlier where one.root != roots[one.size]?.bytes {
            throw AuditLogError(
                .rolledBack, "the log is no continuation of the older checkpoint", path: layout.checkpoint)
        }
        try audit.checkRightEdge()
        for entry in start.tail { try audit.append(entry[...]) }
        try audit.finish()
        return VerificationReport(
            checkpoint: checkpoint, signers: signers,
            lastEntryTime: lastEntry.flatMap { try? LogRecovery.time(of: $0, path: layout.journal) },
            witnessed: witnessed, filesChecked: audit.filesChecked, journalTail: UInt64(start.tail.count))
    }

    private static func compare(_ older: Checkpoint, with newer: Checkpoint, path: String) throws(AuditLogError) {
        guard older.origin.hasSameBytes(as: newer.origin) else {
            throw AuditLogError(.wrongOrigin, "the older checkpoint is of another log", path: path)
        }
        guard older.size <= newer.size else {
            throw AuditLogError(
                .rolledBack, "the log has \(newer.size) entries, but had \(older.size) already", path: path)
        }
    }

    /// The bundle that begins at an index, as wide as a tree of `size` needs it.
    private static func place(at index: UInt64, size: UInt64) -> TilePath {
        let width = UInt64(TilePath.width)
        let isFull = index + width <= size
        return TilePath(.entries, index: index / width, partialWidth: isFull ? nil : Int(size % width))
    }

    private static func authenticate(
        _ bytes: [UInt8], keys: [VerifierKey], origin: String?, path: String
    ) throws(AuditLogError) -> (Checkpoint, [VerifierKey]) {
        do throws(AuditLogError) {
            let note = try SignedNote(parsing: bytes)
            let checkpoint = try Checkpoint(text: note.text)
            let signers = try note.verified(by: keys)
            // By default the log is the one the key belongs to (C2SP tlog-checkpoint, "Signatures").
            let isExpected = signers.contains { checkpoint.origin.hasSameBytes(as: origin ?? $0.name) }
            guard isExpected else { throw AuditLogError(.wrongOrigin, "the checkpoint is of another log") }
            return (checkpoint, signers)
        } catch {
            throw AuditLogError(error.code, error.reason, path: path)
        }
    }

    private struct Start {
        let witnessed: [UInt8]?
        let checkpoint: [UInt8]
        let inventory: TileInventory
        let tail: [[UInt8]]
    }

    /// Checkpoint, list of files and journal's tail, read while they belong together.
    ///
    /// The order matters: what is in a tile was in the journal before, and stays there until a checkpoint covers it; and
    /// what is cosigned was the log's checkpoint before.
    private static func consistentStart(_ layout: LogLayout) throws(AuditLogError) -> Start {
        var attempt = 1
        while true {
            let witnessed = try OpenFile.contentsIfPresent(of: layout.witnessed)
            let checkpoint = try OpenFile.contents(of: layout.checkpoint)
            do throws(AuditLogError) {
                return Start(
                    witnessed: witnessed, checkpoint: checkpoint, inventory: try TileInventory(layout),
                    tail: try JournalTail.read(layout, after: size(checkpoint)))
            } catch {
                guard attempt < attempts else { throw error }
                usleep(UInt32(attempt) * 10_000)
                attempt += 1
            }
        }
    }

    /// The size a checkpoint claims, before anything of it is believed; 0 when it cannot be read.
    private static func size(_ bytes: [UInt8]) -> UInt64 {
        guard let note = try? SignedNote(parsing: bytes), let checkpoint = try? Checkpoint(text: note.text) else {
            return 0
        }
        return checkpoint.size
    }
}
