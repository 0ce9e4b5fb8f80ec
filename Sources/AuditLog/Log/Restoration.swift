import StrictEncoding

/// The decision to go on with an older copy of the log, although entries that had been checkpointed are lost.
///
/// A person takes it while the log is closed, for exactly the copy that is there; the next open records it and removes
/// the file it is kept in, so that it counts once.
package struct Restoration: Sendable, Equatable {
    /// What the record outside the log said.
    let lost: Checkpoint?
    /// What the log says.
    let found: Checkpoint
    let person: String
    let reason: String

    /// Where the decision waits for the next open: beside the record.
    private static func path(_ record: LastCheckpoint) -> String { record.path + ".restore" }

    /// Decides to go on with the log as it is, and returns what is lost by it.
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
        let record = LastCheckpoint(path: record)
        let restoration = Restoration(
            lost: try? record.read(), found: found, person: `operator`, reason: reason)
        _ = try restoration.entry.prepared()
        try LastCheckpoint(path: path(record)).write(JSONWriter.canonical(restoration.json), .system)
        return (restoration.lost, found)
    }

    /// The decision for the log that was recovered, or the fault that it would excuse.
    static func accepted(
        _ record: LastCheckpoint, as checkpoint: Checkpoint?, origin: String, fault: AuditLogError
    ) throws(AuditLogError) -> Restoration {
        guard let bytes = try OpenFile.contentsIfPresent(of: path(record)),
            let restoration = (try? JSONParser.parse(bytes)).flatMap(Restoration.init(json:))
        else { throw fault }
        let found = checkpoint ?? Checkpoint(origin: origin, size: 0, root: MerkleHash.empty.bytes)
        guard restoration.found == found else {
            throw AuditLogError(
                .rolledBack, fault.reason + "; what was accepted is another copy of it", path: path(record))
        }
        return restoration
    }

    /// The exception record.
    var entry: Entry {
        var entry = Entry(kind: .logRestored)
        entry.operator = person
        entry.reason = reason
        entry.detail = Checkpoint.detail(lost, prefix: "lost").merging(Checkpoint.detail(found, prefix: "found")) { $1 }
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
