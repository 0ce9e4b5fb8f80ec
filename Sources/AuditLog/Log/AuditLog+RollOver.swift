import StrictEncoding
import Synchronization

extension AuditLog {
    /// How long after a roll-over that came to nothing the next one is tried.
    private static let pause = Duration.seconds(3600)

    /// Begins a new shard when the one that is written is full or old enough, its checkpoints can be signed, and the
    /// clock can be believed.
    func rollOverIfDue() {
        let found: LogShard? = state.withLock { state in
            guard state.held == nil, !state.isClosed, state.rollOverProblem.map({ $0.until <= .now }) ?? true else {
                return nil
            }
            return state.shard
        }
        guard let shard = found else { return }
        let status = shard.status
        guard status.failure == nil, !status.isCheckpointStale, status.checkpointProblem == nil,
            status.witnessLag ?? .zero <= settings.options.strictPatience
        else { return }
        // By a clock that jumped a shard would be old; and its last entry would be refused for the same reason.
        guard settings.time.isCredible(settings.clock()) else { return }
        let isFull = settings.options.shardEntries.map { status.size >= $0 } ?? false
        let isOld =
            settings.options.shardAge.map { age in
                status.firstTime.map { settings.clock() >= $0.adding(seconds: age) } ?? false
            } ?? false
        if isFull || isOld { rollOver() }
    }

    /// Closes the shard that is written and begins the next; entries that come meanwhile are held for it.
    func rollOver() {
        guard isInOrder() else { return }
        state.withLock { state in
            guard state.held == nil, !state.isClosed, let shard = state.shard else { return }
            state.held = []
            state.rollOver = Task { await self.replace(shard) }
        }
    }

    /// Whether the shard that is written is the next one of those that lie beside it: else it could not be set aside.
    ///
    /// While one is being set aside nothing can be said.
    private func isInOrder() -> Bool {
        let found = state.withLock { $0.held == nil && !$0.isClosed ? $0.shard?.number : nil }
        guard let shard = found else { return false }
        do throws(AuditLogError) {
            let number = try currentNumber()
            guard number != shard else { return true }
            throw AuditLogError(
                .unexpectedFile, "is no shard of this log, but has the name of one: move it away",
                path: series.path(number - 1))
        } catch {
            state.withLock { $0.rollOverProblem = (error, .now + AuditLog.pause) }
            return false
        }
    }

    private func replace(_ shard: LogShard) async {
        let isClosed = await close(shard)
        if let error = await advance(from: shard, isClosed: isClosed) {
            settings.onFatal(AuditLogError(.failed, "the log could not go on: \(error.reason)", path: error.path))
        }
        release()
    }

    /// Opens the next shard, or the same one again where it could not be closed; the error that kept it from that.
    ///
    /// Files are read, moved and synced, and the first entries waited for: work for a thread that may block.
    private func advance(from shard: LogShard, isClosed: Bool) async -> AuditLogError? {
        await withCheckedContinuation { continuation in
            do throws(AuditLogError) {
                try WorkerThread.start {
                    do throws(AuditLogError) {
                        if isClosed { try self.setAsideIfPossible(shard) }
                        if shard.status.failure == nil {
                            let next = try self.openShard()
                            self.state.withLock { $0.shard = next }
                        }
                        continuation.resume(returning: nil)
                    } catch {
                        continuation.resume(returning: error)
                    }
                }
            } catch {
                continuation.resume(returning: error)
            }
        }
    }

    /// Ends a shard with an entry that says so; false when it has no final checkpoint, so that it must go on.
    private func close(_ shard: LogShard) async -> Bool {
        var entry = Entry(kind: .logShardClosed)
        entry.detail = ["next_origin": LogSeries.origin(settings.origin, shard.number + 1)]
        settings.options.complete(&entry)
        guard let prepared = try? entry.prepared() else { return false }
        let recorded = await withCheckedContinuation { continuation in
            var pending = PendingEntry(prepared: prepared) { continuation.resume(returning: $0) }
            // Witnesses link no shard to the next: the end of this one is theirs to see before it is set aside.
            pending.waitsForCheckpoint = true
            if let refusal = shard.add(pending, usesReserve: true) { continuation.resume(returning: .failure(refusal)) }
        }
        do {
            try await shard.close()
            _ = try recorded.get()
            return true
        } catch {
            return false
        }
    }

    /// A shard that cannot be moved goes on: the log is kept, only in one piece.
    private func setAsideIfPossible(_ shard: LogShard) throws(AuditLogError) {
        do {
            try setAside(shard)
            state.withLock { $0.rollOverProblem = nil }
        } catch {
            // A sync that failed is another matter: nobody knows then what the disk holds.
            guard try series.current() == shard.number else { throw error }
            state.withLock { $0.rollOverProblem = (error, .now + AuditLog.pause) }
        }
    }

    /// Moves a closed shard beside the log's path; a crash here leaves either the old place or the new.
    private func setAside(_ shard: LogShard) throws(AuditLogError) {
        let path = series.path(shard.number)
        let failure = settings.operations.rename(series.directory, path)
        guard failure == 0 else { throw .space("rename", failure, path: path) }
        try Directory.parent(of: series.directory).sync(settings.operations)
    }

    /// Gives what was held to the shard that is there now, in the order it came.
    private func release() {
        let refused = state.withLock { state in
            let held = state.held ?? []
            state.held = nil
            state.rollOver = nil
            return held.compactMap { one in
                (state.shard?.add(one.entry, usesReserve: one.usesReserve)).map { (one.entry, $0) }
            }
        }
        for (entry, refusal) in refused { entry.completion(.failure(refusal)) }
    }
}
