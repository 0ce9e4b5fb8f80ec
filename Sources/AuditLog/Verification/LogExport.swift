import StrictEncoding

/// Entries as lines of JSON for other people's programs, each with its proof where that is wanted.
package struct LogExport: Sendable {
    /// What came of it, besides the lines.
    package struct Outcome: Sendable, Equatable {
        /// Whether there was a shard to export.
        package var isFound = false
        /// The shards of which nothing was written, because their entries were removed.
        package var pruned: [UInt64] = []
        /// How many entries were written that only a newer version can read.
        package var unread = 0
    }

    /// This shard alone; nil: all of them.
    package var shard: UInt64?
    /// The indexes wanted, in each shard.
    package var range: Range<UInt64> = 0..<UInt64.max
    /// Which entries are wanted.
    package var filter = EntryFilter()
    /// Whether each entry comes with its proof; then only what a checkpoint covers is written.
    package var hasProofs = false

    /// An export of everything, without proofs.
    package init() {}

    /// Writes each wanted entry, and after those of a shard the checkpoint that their proofs lead to.
    ///
    /// - Parameters:
    ///   - series: The log; it may be open for writing elsewhere.
    ///   - write: Takes one line, without the line feed.
    /// - Returns: What came of it.
    /// - Throws: What keeps the log from being read; with proofs also `missingFile` when there is no checkpoint.
    package func write(
        _ series: LogSeries, _ write: (_ line: [UInt8]) -> Void
    ) throws(AuditLogError) -> Outcome {
        var outcome = Outcome()
        for (number, directory) in try series.shards() where shard == nil || shard == number {
            outcome.isFound = true
            guard try !LogSeries.isPruned(directory) else {
                outcome.pruned.append(number)
                continue
            }
            let prover = try prover(directory, number)
            let end = hasProofs ? min(range.upperBound, prover?.checkpoint.size ?? 0) : range.upperBound
            if range.lowerBound < end {
                outcome.unread += try entries(range.lowerBound..<end, of: directory, prover, write)
            }
            let note = prover.map { JSONValue.string(String(decoding: $0.note, as: UTF8.self)) }
            write(
                JSONWriter.canonical(["shard": .integer(Int64(clamping: number)), "checkpoint": note ?? .null]))
        }
        return outcome
    }

    /// Writes the entries of one shard, and returns how many of them were not read.
    private func entries(
        _ range: Range<UInt64>, of directory: String, _ prover: LogProver?, _ write: (_ line: [UInt8]) -> Void
    ) throws(AuditLogError) -> Int {
        var unread = 0
        try LogReader(directory: directory).forEach(in: range) { (index, bytes) throws(AuditLogError) in
            let answer = filter.answer(bytes)
            guard answer != .unwanted else { return }
            if answer == .unread { unread += 1 }
            let proof = hasProofs ? try prover?.proof(index: index, entry: bytes) : nil
            write(try LogSeries.line(index: index, bytes: bytes, proof: proof))
        }
        return unread
    }

    /// Nil where a shard has no checkpoint yet: the one that has just begun, and without proofs any.
    private func prover(_ directory: String, _ number: UInt64) throws(AuditLogError) -> LogProver? {
        let path = LogLayout(directory).checkpoint
        guard try OpenFile.contentsIfPresent(of: path) != nil else {
            guard hasProofs, number == 1 || shard != nil else { return nil }
            throw AuditLogError(.missingFile, "does not exist, so nothing can be proved yet", path: path)
        }
        return try LogProver(directory: directory)
    }
}
