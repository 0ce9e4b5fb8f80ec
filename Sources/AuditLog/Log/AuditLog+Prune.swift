import StrictEncoding

extension AuditLog {
    /// Removes the entries of a closed shard, after a leaf that says so.
    ///
    /// Its final checkpoint stays, and so do the entries that still say what is in force (`Entry.Kind.isState`). The
    /// shard is verified first, which takes a minute for some millions of entries.
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
        let (_, checkpoint, _) = try shard.verify(keys: keys, origin: name)
        guard try !LogSeries.isPruned(directory) else {
            throw AuditLogError(.missingFile, "the shard was pruned before", path: directory)
        }
        try await verify(directory, keys: keys, origin: name)
        var entry = Entry(kind: .logShardPruned)
        entry.operator = `operator`
        entry.detail = Checkpoint.detail(checkpoint, prefix: "pruned")
        settings.options.complete(&entry)
        _ = try await append(entry)
        try shard.prune(isRetained: { $0.kind.isState }, operations: settings.operations)
        return checkpoint
    }

    /// On a thread of its own: this reads the whole shard.
    private func verify(_ directory: String, keys: [VerifierKey], origin: String) async throws(AuditLogError) {
        let result: Result<Void, AuditLogError> = await withCheckedContinuation { continuation in
            do throws(AuditLogError) {
                try WorkerThread.start {
                    do throws(AuditLogError) {
                        _ = try LogVerifier.verify(directory: directory, verifierKeys: keys, origin: origin)
                        continuation.resume(returning: .success(()))
                    } catch {
                        continuation.resume(returning: .failure(error))
                    }
                }
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        try result.get()
    }
}
