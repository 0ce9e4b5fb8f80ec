import Glibc

/// Why the log refused, failed, or did not verify.
package struct AuditLogError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of fault it is.
    package enum Code: String, Sendable, CaseIterable {
        /// The entry is outside the typed allow-list or its bounds.
        case invalidEntry
        /// The queue is full, or the tiles lag too far behind the journal.
        case saturated
        /// The clock is more than a second behind the last leaf.
        case clockBehind
        /// The clock has jumped forward while the log was open.
        case clockAhead
        /// The disk is down to what is reserved, or full.
        case diskFull
        /// The caller's patience was over before the entry was durable.
        case late
        /// A write or sync failed, or another writer was found: nothing is recorded until a restart.
        case failed
        /// The log was closed.
        case closed
        /// Another process holds the log.
        case locked
        /// The log's path is one that no shard can be moved away from: a link, or a mount point.
        case badPlace
        /// A system call failed.
        case system
        /// A record of the journal that was durable once is damaged or gone.
        case corruptJournal
        /// The checkpoint is newer than the data beside it, or the data is missing.
        case rolledBack
        /// A file that must exist does not.
        case missingFile
        /// A file that nothing accounts for.
        case unexpectedFile
        /// A tile is not what the entries hash to.
        case badTile
        /// An entry bundle cannot be cut into its entries, or they differ from what the tree says.
        case badBundle
        /// The root computed from the entries is not the checkpoint's.
        case badRoot
        /// Not a signed note, or not a checkpoint.
        case badNote
        /// Not a verifier key.
        case badKey
        /// No known key has signed, or a known key's signature is wrong.
        case badSignature
        /// The log is not the one that was expected.
        case wrongOrigin
        /// Fewer witnesses have cosigned than are wanted.
        case notWitnessed
        /// The signer gave no valid signature in time.
        case notSigned
    }

    /// What it is, for callers to decide by.
    package let code: Code
    /// In our own words; no content of an entry.
    package let reason: String
    /// The file the fault is in, if it is in one.
    package let path: String?
    /// The index of the entry's leaf where the entry is durable all the same, as under `strict` or when it was late; nil where it is not.
    package let leaf: UInt64?

    /// A fault.
    package init(_ code: Code, _ reason: String, path: String? = nil) {
        self.init(code, reason, path: path, leaf: nil)
    }

    private init(_ code: Code, _ reason: String, path: String?, leaf: UInt64?) {
        self.code = code
        self.reason = reason
        self.path = path
        self.leaf = leaf
    }

    /// The same fault of an entry that is durable all the same.
    func of(recorded leaf: UInt64) -> AuditLogError { AuditLogError(code, reason, path: path, leaf: leaf) }

    /// Faults are equal when their codes are.
    package static func == (left: AuditLogError, right: AuditLogError) -> Bool { left.code == right.code }

    /// Code, reason and file, for logs.
    package var description: String {
        "\(code.rawValue): \(reason)" + (path.map { " (\($0))" } ?? "")
    }

    /// A system call that failed with `number`, an errno.
    static func system(_ call: String, _ number: Int32, path: String) -> AuditLogError {
        // Safety: strerror returns a string that lives at least until the next call on this thread; it is copied here.
        let text = unsafe strerror(number).map { unsafe String(cString: $0) } ?? "errno \(number)"
        return AuditLogError(.system, "\(call): \(text)", path: path)
    }

    /// The same for a call that takes disk space: a full disk may have room again later, so it has its own code.
    static func space(_ call: String, _ number: Int32, path: String) -> AuditLogError {
        guard number == ENOSPC || number == EDQUOT else { return system(call, number, path: path) }
        return AuditLogError(.diskFull, "\(call): no space left", path: path)
    }
}

extension AuditLogError {
    /// Whether an entry that was refused so is certainly not in the log; after any other error the disk may hold it.
    package var leftNoEntry: Bool {
        [.invalidEntry, .saturated, .clockBehind, .clockAhead, .diskFull].contains(code)
    }
}
