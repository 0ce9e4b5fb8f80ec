import StrictEncoding

extension AuditLog {
    /// Removes the entries of a closed shard, after a leaf that says so and what is kept.
    ///
    /// Its final checkpoint stays, and so do its first entry and those that still say what is in force
    /// (`Entry.Kind.isState`). The shard is verified first, which takes a minute for some millions of entries. Where a
    /// pruning was cut short, this finishes it.
    ///
    /// - Parameters:
    ///   - number: The shard's number.
    ///   - operator: The person who wants it.
    /// - Returns: The shard's final checkpoint.
    /// - Throws: `missingFile` when there is no such closed shard, or what keeps it from being pruned.
    package func prune(shard number: UInt64, operator: String) async throws(AuditLogError) -> Checkpoint {
        guard try series.closed().contains(number) else {
            throw AuditLogError(.missingFile, "there is no such closed shard", path: series.path(number))
        }
        let directory = series.path(number)
        let name = LogSeries.origin(settings.origin, number)
        var keys: [VerifierKey] = []
        for key in settings.signers.verifierKeys { keys.append(try key.named(name)) }
        let shard = PrunedShard(directory: directory)
        let operations = settings.operations
        if try LogSeries.isPruned(directory) {
            guard try shard.hasRemains else {
                throw AuditLogError(.missingFile, "the shard was pruned before", path: directory)
            }
            // Only the removal was cut short: its entry is under a checkpoint, or the tiles would be there.
            let checkpoint = try shard.contents(keys: keys, origin: name).checkpoint
            try await onThread { () throws(AuditLogError) in try shard.removeEntries(operations) }.get()
            return checkpoint
        }
        let verified = keys
        let record = try await onThread { () throws(AuditLogError) -> PruningRecord in
            _ = try LogVerifier.verify(directory: directory, verifierKeys: verified, origin: name)
            return try shard.retain(isRetained: { $0.kind.isState }, operations: operations)
        }.get()
        var entry = Entry(kind: .logShardPruned)
        entry.operator = `operator`
        entry.detail = record.detail
        settings.options.complete(&entry)
        // What only the journal says, whoever holds the disk could have written there.
        _ = try await appendUnderCheckpoint(entry).get()
        try await onThread { () throws(AuditLogError) in try shard.removeEntries(operations) }.get()
        return record.checkpoint
    }

    /// On a thread of its own: this reads or removes a whole shard.
    private func onThread<Answer: Sendable>(
        _ body: @escaping @Sendable () throws(AuditLogError) -> Answer
    ) async -> Result<Answer, AuditLogError> {
        await withCheckedContinuation { continuation in
            do throws(AuditLogError) {
                try WorkerThread.start { continuation.resume(returning: Result(catching: body)) }
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
    }
}
