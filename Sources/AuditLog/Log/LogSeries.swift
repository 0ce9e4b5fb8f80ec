/// The shards of one log on the disk: the one that is written at the log's path, closed ones beside it.
///
/// A closed shard has the log's path with a full stop and its number. Each shard is a log of its own to the standards,
/// with a name of its own: one name must never have two trees (C2SP tlog-checkpoint). A pruned shard keeps its final
/// checkpoint, so numbers have no gaps. The one exception to one tree a name is a log that a quorum has restored
/// (`Restoration`): what it lost stays signed, and it goes on under the same name.
package struct LogSeries: Sendable {
    /// Where the shard that is written is, without a slash at the end.
    package let directory: String

    /// The log at a path.
    package init(directory: String) { self.directory = LogLayout(directory).directory }

    /// A shard's name: the first has the log's, later ones have their number behind it.
    package static func origin(_ log: String, _ number: UInt64) -> String { number <= 1 ? log : "\(log)/\(number)" }

    /// The numbers of the closed shards, in order.
    package func closed() throws(AuditLogError) -> [UInt64] {
        guard let slash = directory.lastIndex(of: "/") else { return try closed(in: ".", name: directory) }
        let parent = directory[..<slash].isEmpty ? "/" : String(directory[..<slash])
        return try closed(in: parent, name: String(directory[directory.index(after: slash)...]))
    }

    private func closed(in parent: String, name: String) throws(AuditLogError) -> [UInt64] {
        var numbers: [UInt64] = []
        for element in try Directory(parent).list() where element.name.hasPrefix(name + ".") {
            let digits = element.name.dropFirst(name.count + 1)
            guard let number = UInt64(digits), String(number) == digits, number > 0 else { continue }
            // A shard that was moved to another disk may have left a link behind; its number is taken all the same.
            if Directory.isDirectory("\(parent)/\(element.name)", followsLinks: true) { numbers.append(number) }
        }
        return numbers.sorted()
    }

    /// Where a closed shard is.
    package func path(_ number: UInt64) -> String { "\(directory).\(number)" }

    /// The number of the shard that is written.
    package func current() throws(AuditLogError) -> UInt64 { (try closed().last ?? 0) + 1 }

    /// All shards with their directories, oldest first; the last is the one that is written.
    package func shards() throws(AuditLogError) -> [(number: UInt64, directory: String)] {
        let closed = try closed()
        return closed.map { ($0, path($0)) } + [((closed.last ?? 0) + 1, directory)]
    }

    /// Whether a shard's entries were removed: then only its final checkpoint is left.
    package static func isPruned(_ directory: String) throws(AuditLogError) -> Bool {
        let layout = LogLayout(directory)
        guard try Directory(layout.directory + "/tile").list().isEmpty else { return false }
        guard let bytes = try OpenFile.contentsIfPresent(of: layout.checkpoint) else { return false }
        return try Checkpoint(text: SignedNote(parsing: bytes).text).size > 0
    }

    /// The numbers of the shards whose entries were removed.
    package func pruned() throws(AuditLogError) -> [UInt64] {
        var numbers: [UInt64] = []
        for shard in try shards() where try LogSeries.isPruned(shard.directory) { numbers.append(shard.number) }
        return numbers
    }

    /// Reads entries of every shard, oldest first, with the shard's number; of a pruned one those that were retained.
    package func forEach(
        _ body: (_ shard: UInt64, _ index: UInt64, _ entry: [UInt8]) throws(AuditLogError) -> Void
    ) throws(AuditLogError) {
        for shard in try shards() {
            if try LogSeries.isPruned(shard.directory) {
                try PrunedShard(directory: shard.directory).forEach { (index, entry) throws(AuditLogError) in
                    try body(shard.number, index, entry)
                }
            } else {
                try LogReader(directory: shard.directory).forEach(in: 0..<UInt64.max) {
                    (index, entry) throws(AuditLogError) in try body(shard.number, index, entry)
                }
            }
        }
    }
}
