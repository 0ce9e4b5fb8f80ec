import Dispatch
import StrictEncoding

/// Gives entries their index and time and makes them durable, a batch at a time; lives on one thread.
final class CommitThread {
    /// How many entries share a sync at most.
    private static let maximumBatch = 256
    /// A batch of this size or more is load: then the next one is worth a short wait.
    private static let loadThreshold = 4

    private let around: Publisher.Surroundings
    private let batchBytes: Int
    private var journal: Journal
    private var nextIndex: UInt64

    init(
        journal: consuming Journal, nextIndex: UInt64, batchBytes: Int, around: Publisher.Surroundings
    ) {
        self.journal = journal
        self.nextIndex = nextIndex
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

    /// Entries that vouch for the clock are rare: each is a batch of its own, at the time it vouches for.
    private func commit(_ batch: [PendingEntry]) {
        let batch = withoutLate(batch)
        guard batch.contains(where: { $0.time != .clock }) else { return commit(batch, .clock) }
        for entry in batch { commit([entry], entry.time) }
    }

    /// Refuses what nobody waits for any more: a disk that has hung must not be given the requests of all that time.
    private func withoutLate(_ batch: [PendingEntry]) -> [PendingEntry] {
        let now = ContinuousClock.now
        let isLate = { (entry: PendingEntry) in entry.deadline.map { $0 <= now } ?? false }
        guard batch.contains(where: isLate) else { return batch }
        refuse(batch.filter(isLate)[...], AuditLogError(.late, "it could not be written in time"))
        return batch.filter { !isLate($0) }
    }

    private func commit(_ batch: [PendingEntry], _ rule: LogTime.Rule) {
        let now = around.clock()
        let time: UnixTime
        do throws(AuditLogError) {
            time = try around.time.next(now, rule)
        } catch {
            around.board.refused(error)
            return refuse(batch[...], error)
        }
        let stamp = Array(time.rfc3339.utf8)
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
        around.board.began(at: started)
        do throws(AuditLogError) {
            // A log that failed elsewhere acknowledges nothing more.
            if let failure = around.queue.failure { throw failure }
            retired = try journal.append(leaves, firstIndex: nextIndex)
        } catch {
            around.board.ended()
            guard error.code != .diskFull else { return refuse(batch, error) }
            let failure = AuditLogError(.failed, error.reason, path: error.path)
            if around.queue.fail(failure, answering: batch) { around.onFatal(failure) }
            return
        }
        let ended = ContinuousClock.now
        let firstIndex = nextIndex
        nextIndex += UInt64(leaves.count)
        around.time.advance(to: time)
        around.board.committed(
            size: nextIndex, leaves: leaves.count, bytes: leaves.reduce(0) { $0 + $1.entry.count }, time: time,
            latency: ended - started)
        var done: [PublisherInbox.Waiting] = []
        var waiting: [PublisherInbox.Waiting] = []
        var late: [PublisherInbox.Waiting] = []
        for (offset, (entry, leaf)) in zip(batch, leaves).enumerated() {
            let leaf = Leaf(index: firstIndex + UInt64(offset), time: time, hash: leaf.hash)
            let one = PublisherInbox.Waiting(leaf: leaf, completion: entry.completion)
            if let deadline = entry.deadline, deadline <= ended {
                late.append(one)
            } else if entry.waitsForCheckpoint || (around.options.strict && entry.releases) {
                waiting.append(one)
            } else {
                done.append(one)
            }
        }
        around.queue.setBacklogged(around.inbox.add(leaves, retired: retired, waiting: waiting))
        for one in done { one.completion(.success(one.leaf)) }
        for one in late { one.answer(.failure(AuditLogError(.late, "it was written too late"))) }
    }
}
