import Dispatch
import Synchronization

/// An entry on its way to the commit thread.
struct PendingEntry: Sendable {
    typealias Completion = @Sendable (Result<Leaf, AuditLogError>) -> Void

    var prepared: PreparedEntry
    let completion: Completion
    /// How its leaf gets its time.
    var time = LogTime.Rule.clock
    /// Whether something is released for it, so that under `strict` it waits for a checkpoint.
    var releases = false
    /// It is answered only when a checkpoint covers it, and where there are witnesses with their quorum.
    var waitsForCheckpoint = false
    /// Whether it begins a release, so that it is refused while no checkpoint can be had.
    var needsCheckpoints = false
    /// From when on nobody waits for it any more, so that it must not be written; nil where it is worth a wait.
    var deadline: ContinuousClock.Instant?
}

/// The entries that wait to become durable, and everything that can stop them.
final class CommitQueue: Sendable {
    private struct State {
        var waiting: [PendingEntry] = []
        /// How many must wait for the commit thread to be woken; never while it is awake.
        var wakeAt = Int.max
        var room = DiskRoom.ample
        var isBacklogged = false
        var isClosed = false
        var failure: AuditLogError?
    }

    private enum Step {
        case take([PendingEntry])
        case gather, sleep, stop
    }

    private let capacity: Int
    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)

    init(capacity: Int) { self.capacity = capacity }

    /// Queues an entry, or says why not.
    func add(_ entry: PendingEntry, usesReserve: Bool) -> AuditLogError? {
        var shouldWake = false
        let refusal: AuditLogError? = state.withLock { state in
            if let refusal = self.refusal(state, usesReserve: usesReserve) { return refusal }
            state.waiting.append(entry)
            if state.waiting.count >= state.wakeAt {
                state.wakeAt = .max
                shouldWake = true
            }
            return nil
        }
        if shouldWake { wake.signal() }
        return refusal
    }

    private func refusal(_ state: State, usesReserve: Bool) -> AuditLogError? {
        if let failure = state.failure { return failure }
        if state.isClosed { return AuditLogError(.closed, "the log is closed") }
        switch state.room {
        case .ample: break
        case .reserve where usesReserve: break
        case .reserve: return AuditLogError(.diskFull, "what is left of the disk is reserved for mints")
        case .none: return AuditLogError(.diskFull, "the disk is full")
        }
        if state.isBacklogged { return AuditLogError(.saturated, "the tiles lag too far behind") }
        guard state.waiting.count < capacity else { return AuditLogError(.saturated, "too many entries are waiting") }
        return nil
    }

    /// The next batch, at most `limit` entries in the order they came; nil when the log is closed and empty, or failed.
    ///
    /// Blocks until there is one entry, then up to `patience` until there are `target`.
    func next(limit: Int, target: Int, patience: DispatchTimeInterval) -> [PendingEntry]? {
        var deadline: DispatchTime?
        var isLate = false
        while true {
            switch step(limit: limit, target: isLate ? 1 : target) {
            case .take(let batch): return batch
            case .stop: return nil
            case .sleep: wake.wait()
            case .gather:
                let end = deadline ?? .now() + patience
                deadline = end
                isLate = wake.wait(timeout: end) == .timedOut
            }
        }
    }

    private func step(limit: Int, target: Int) -> Step {
        state.withLock { state in
            if state.failure != nil { return .stop }
            if state.waiting.isEmpty {
                if state.isClosed { return .stop }
                state.wakeAt = 1
                return .sleep
            }
            guard state.waiting.count >= target || state.isClosed else {
                state.wakeAt = target
                return .gather
            }
            state.wakeAt = .max
            guard state.waiting.count > limit else {
                defer { state.waiting = [] }
                return .take(state.waiting)
            }
            defer { state.waiting.removeFirst(limit) }
            return .take(Array(state.waiting.prefix(limit)))
        }
    }

    /// How many entries wait.
    var count: Int { state.withLock { $0.waiting.count } }

    /// Why the log failed, if it did.
    var failure: AuditLogError? { state.withLock { $0.failure } }

    /// How much disk is left.
    func setRoom(_ room: DiskRoom) { state.withLock { $0.room = room } }

    /// Whether the tiles lag so far behind that no more entries may come.
    func setBacklogged(_ isBacklogged: Bool) { state.withLock { $0.isBacklogged = isBacklogged } }

    /// Takes nothing more; what waits is still committed.
    func close() {
        state.withLock { $0.isClosed = true }
        wake.signal()
    }

    /// Takes nothing more, for good, and answers `batch` and everything that waits; false when it had failed before.
    func fail(_ error: AuditLogError, answering batch: ArraySlice<PendingEntry>) -> Bool {
        let (isFirst, waiting) = state.withLock { state in
            let isFirst = state.failure == nil
            state.failure = state.failure ?? error
            defer { state.waiting = [] }
            return (isFirst, state.waiting)
        }
        wake.signal()
        for entry in batch + waiting { entry.completion(.failure(error)) }
        return isFirst
    }
}
