import StrictEncoding

/// The decision to go on with an older copy of the log, although entries that had been checkpointed are lost.
///
/// It is taken while the log is closed, for exactly the loss and the copy that are there; the next open records it and
/// removes the file it is kept in, so that it counts once. Who may take it is for `AuditLogOptions.restorationReader` to
/// say; without one it is whoever can write that file.
package struct Restoration: Sendable, Equatable {
    /// What the record outside the log said.
    package let lost: Checkpoint?
    /// What the log says.
    package let found: Checkpoint
    let person: String
    let reason: String
    /// What else is recorded of those who decided.
    let detail: [String: String]

    /// A decision of somebody.
    package init(
        lost: Checkpoint?, found: Checkpoint, person: String, reason: String, detail: [String: String] = [:]
    ) {
        self.lost = lost
        self.found = found
        self.person = person
        self.reason = reason
        self.detail = detail
    }

    /// Where the decision waits for the next open: beside the record.
    private static func path(_ record: LastCheckpoint) -> String { record.path + ".restore" }

    /// What is lost and what is found, while the log is closed.
    ///
    /// - Parameters:
    ///   - directory: The log's path.
    ///   - record: The file outside the log that keeps its last checkpoint.
    ///   - origin: The log's name.
    /// - Returns: What the record says, nil when it is lost or cannot be read, and what the log says.
    /// - Throws: `locked` while the log is open.
    package static func state(
        directory: String, record: String, origin: String
    ) throws(AuditLogError) -> (lost: Checkpoint?, found: Checkpoint) {
        let layout = LogLayout(directory)
        // Of a log that is gone altogether there is no directory either.
        try Directory(layout.directory).make()
        let (whole, lock) = (try DirectoryLock(log: layout.directory), try DirectoryLock(directory: layout.directory))
        defer {
            lock.release()
            whole.release()
        }
        let name = LogSeries.origin(origin, try LogSeries(directory: directory).current())
        var found = Checkpoint(origin: name, size: 0, root: MerkleHash.empty.bytes)
        if let bytes = try OpenFile.contentsIfPresent(of: layout.checkpoint) {
            found = try Checkpoint(text: SignedNote(parsing: bytes).text)
        }
        return (try? LastCheckpoint(path: record).read(), found)
    }

    /// Hands in a decision for the next open, whose reader has to believe it; refuses one for another loss or copy.
    ///
    /// - Parameters:
    ///   - file: What the reader will read.
    ///   - directory: The log's path; the log must be closed.
    ///   - record: The file outside the log that keeps its last checkpoint.
    ///   - origin: The log's name.
    /// - Throws: `rolledBack` when it is about another loss or copy; `locked` while the log is open.
    package func handIn(
        _ file: [UInt8], directory: String, record: String, origin: String
    ) throws(AuditLogError) {
        let state = try Restoration.state(directory: directory, record: record, origin: origin)
        guard state.lost == lost, state.found == found else {
            throw AuditLogError(.rolledBack, "what was decided is about another loss, or another copy", path: directory)
        }
        _ = try entry.prepared()
        try LastCheckpoint(path: Restoration.path(LastCheckpoint(path: record))).write(file, .system)
    }

    /// Decides to go on with the log as it is, and returns what is lost by it: where nobody has to be believed.
    ///
    /// - Parameters:
    ///   - directory: The log's path; the log must be closed.
    ///   - record: The file outside the log that keeps its last checkpoint.
    ///   - origin: The log's name.
    ///   - operator: The person who decides.
    ///   - reason: Why, in a few words.
    /// - Returns: What the record said and what the log says.
    /// - Throws: `locked` while the log is open; `invalidEntry` when operator or reason cannot be recorded.
    package static func accept(
        directory: String, record: String, origin: String, operator: String, reason: String
    ) throws(AuditLogError) -> (lost: Checkpoint?, found: Checkpoint) {
        let (lost, found) = try state(directory: directory, record: record, origin: origin)
        let restoration = Restoration(lost: lost, found: found, person: `operator`, reason: reason)
        try restoration.handIn(
            JSONWriter.canonical(restoration.json), directory: directory, record: record, origin: origin)
        return (lost, found)
    }

    /// The decision for the log that was recovered, or the fault that it would excuse.
    static func accepted(
        _ record: LastCheckpoint, as checkpoint: Checkpoint?, origin: String, fault: AuditLogError,
        reader: (@Sendable (_ file: [UInt8]) throws(AuditLogError) -> Restoration)?
    ) throws(AuditLogError) -> Restoration {
        guard let bytes = try OpenFile.contentsIfPresent(of: path(record)) else { throw fault }
        let restoration: Restoration
        do throws(AuditLogError) {
            if let reader { restoration = try reader(bytes) } else { restoration = try believed(bytes) }
        } catch {
            throw AuditLogError(
                .rolledBack, "\(fault.reason); the decision that was handed in does not count: \(error.reason)",
                path: path(record))
        }
        let found = checkpoint ?? Checkpoint(origin: origin, size: 0, root: MerkleHash.empty.bytes)
        guard restoration.found == found, restoration.lost == (try? record.read()) else {
            throw AuditLogError(
                .rolledBack, fault.reason + "; what was accepted is another copy of it, or another loss",
                path: path(record))
        }
        return restoration
    }

    private static func believed(_ bytes: [UInt8]) throws(AuditLogError) -> Restoration {
        guard let restoration = (try? JSONParser.parse(bytes)).flatMap(Restoration.init(json:)) else {
            throw AuditLogError(.invalidEntry, "it cannot be read")
        }
        return restoration
    }

    /// The exception record.
    var entry: Entry {
        var entry = Entry(kind: .logRestored)
        entry.operator = person
        entry.reason = reason
        entry.detail = Checkpoint.detail(lost, prefix: "lost").merging(Checkpoint.detail(found, prefix: "found")) { $1 }
            .merging(detail) { $1 }
        return entry
    }

    /// The record starts again from the log as it is, and the decision is spent.
    func finish(
        _ record: LastCheckpoint, directory: String, _ operations: FileOperations
    ) throws(AuditLogError) {
        try record.write(found.text, operations)
        try Directory.removeFile(Restoration.path(record))
        try Directory.parent(of: record.path).sync(operations)
    }
}

extension Restoration {
    private var json: JSONValue {
        [
            "lost": lost.map { .string(String(decoding: $0.text, as: UTF8.self)) } ?? .null,
            "found": .string(String(decoding: found.text, as: UTF8.self)), "operator": .string(person),
            "reason": .string(reason),
        ]
    }

    private init?(json: JSONValue) {
        guard let object = json.object, let text = object["found"]?.string,
            let found = try? Checkpoint(text: Array(text.utf8)), let person = object["operator"]?.string,
            let reason = object["reason"]?.string
        else { return nil }
        let lost = object["lost"]?.string.flatMap { try? Checkpoint(text: Array($0.utf8)) }
        self.init(lost: lost, found: found, person: person, reason: reason)
    }
}
