import Dispatch
import StrictEncoding

/// Gives entries their index and time and makes them durable, a batch at a time; lives on one thread.
final class CommitThread {
    /// How many entries share a sync at most.
    private static let maximumBatch = 256
    /// A batch of this size or more is load: then the next one is worth a short wait.
    private static let loadThreshold = 4
    /// How far the clock may be behind the last leaf, in milliseconds.
    private static let clockTolerance: Int64 = 1000

    private let around: Publisher.Surroundings
    private let batchBytes: Int
    private var journal: Journal
    private var nextIndex: UInt64
    private var lastTime: UnixTime

    init(
        journal: consuming Journal, nextIndex: UInt64, lastTime: UnixTime?, batchBytes: Int,
        around: Publisher.Surroundings
    ) {
        self.journal = journal
        self.nextIndex = nextIndex
        self.lastTime = lastTime ?? UnixTime(milliseconds: 0)
        self.batchBytes = batchBytes
        self.around = around
    }

    /// Commits until the queue is closed or the log has failed.
    func run() {
        var target = 1
        while let batch = around.queue.next(
            limit: CommitThread.maximumBatch, target: target, patience: .milliseconds(1))
        {
            commit(batch)
            target = batch.count >= CommitThread.loadThreshold ? min(batch.count, CommitThread.maximumBatch) : 1
        }
        around.inbox.finish()
    }

    private func commit(_ batch: [PendingEntry]) {
        let now = around.clock()
        let time = max(now, lastTime)
        let stamp = Array(time.rfc3339.utf8)
        guard now.milliseconds >= lastTime.milliseconds - CommitThread.clockTolerance,
            stamp.count == PreparedEntry.placeholder.utf8.count
        else {
            let error = AuditLogError(.clockBehind, "the clock is more than a second behind the last entry")
            return refuse(batch[...], error)
        }
        let leaves = batch.map { entry in
            var prepared = entry.prepared
            prepared.stamp(stamp)
            return CommittedLeaf(entry: prepared.bytes)
        }
        var start = 0
        while start < batch.count {
            let end = self.end(of: leaves, from: start)
            commit(batch[start..<end], leaves[start..<end], time: time)
            start = end
        }
    }

    private func refuse(_ batch: ArraySlice<PendingEntry>, _ error: AuditLogError) {
        for entry in batch { entry.completion(.failure(error)) }
    }

    /// How many of the leaves fit one write.
    private func end(of leaves: [CommittedLeaf], from start: Int) -> Int {
        var bytes = 0
        for index in start..<leaves.count {
            bytes += leaves[index].entry.count + JournalRecord.headerBytes
            if bytes > batchBytes, index > start { return index }
        }
        return leaves.count
    }

    private func commit(_ batch: ArraySlice<PendingEntry>, _ leaves: ArraySlice<CommittedLeaf>, time: UnixTime) {
        let retired: Journal.Retired?
        let started = ContinuousClock.now
        do throws(AuditLogError) {
            // A log that failed elsewhere acknowledges nothing more.
            if let failure = around.queue.failure { throw failure }
            retired = try journal.append(leaves, firstIndex: nextIndex)
        } catch {
            guard error.code != .diskFull else { return refuse(batch, error) }
            let failure = AuditLogError(.failed, error.reason, path: error.path)
            if around.queue.fail(failure, answering: batch) { around.onFatal(failure) }
            return
        }
        let firstIndex = nextIndex
        nextIndex += UInt64(leaves.count)
        lastTime = time
        around.board.committed(size: nextIndex, leaves: leaves.count, latency: ContinuousClock.now - started)
        around.queue.setBacklogged(around.inbox.add(leaves, retired: retired))
        for (offset, (entry, leaf)) in zip(batch, leaves).enumerated() {
            entry.completion(.success(Leaf(index: firstIndex + UInt64(offset), time: time, hash: leaf.hash)))
        }
    }
}
