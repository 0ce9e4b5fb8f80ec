package import AuditLog
import CoreProtocol
import StrictEncoding
import Synchronization

/// The core's memory of what is revoked and cut off: every `revoked` and `cutoff` leaf that is in force, and no other.
///
/// A mint asks it twice, so that nothing is released after a cut-off was acknowledged. The front follows it by `read`.
package final class LiveRevocations: Sendable {
    typealias Answer = @Sendable (LiveEntries) -> Void

    private struct State {
        var list = RevocationList()
        /// In the order of the log.
        var records: [LiveEntries.Record] = []
        var nextNumber: UInt64 = 0
        var waiting: [UInt64: (from: UInt64, answer: Answer)] = [:]
        var nextWaiter: UInt64 = 0
        var nextSweep: Int64 = 0
        /// How many of the records are tokens that each client revoked.
        var revokedByClient: [String: Int] = [:]
    }

    /// How many tokens may be revoked at once; when there are more, further ones are refused, never earlier ones
    /// forgotten; one client may bring half of them.
    package static let maximumRevoked = 50_000
    /// The same for the cut-offs of people on call, whatever transmitters send.
    package static let maximumCutOffs = 2000
    /// The same for the users whose sessions security events have ended; one transmitter may bring half of them.
    package static let maximumEvents = 20_000
    /// How many readers may wait; a front has one.
    private static let maximumWaiting = 64
    /// Those beyond hear nothing before this long: an answer at once would have them ask without end.
    private static let pauseOfOthers = Duration.seconds(1)
    /// Seconds between two searches for what is over.
    private static let sweepPeriod: Int64 = 5

    private let state: Mutex<State>

    /// What was found in the log, in its order.
    package init(_ entries: [Entry], now: Int64) {
        var state = State()
        for entry in entries { Self.take(entry, into: &state, now: now) }
        self.state = Mutex(state)
    }

    /// How many tokens are revoked and how many cut-offs are in force.
    package var counts: (revoked: Int, cutOffs: Int) {
        state.withLock { ($0.list.revokedCount, $0.list.cutOffCount) }
    }

    /// Everything in force, in the order of the log.
    package func entries(now: Int64) -> [Entry] {
        state.withLock { state in
            Self.sweep(&state, now: now, isForced: true)
            return state.records.map(\.entry)
        }
    }

    /// Takes over a leaf that has just become durable, and tells whoever waits.
    func add(_ entry: Entry, now: Int64) {
        let ready: [(Answer, LiveEntries)] = state.withLock { state in
            Self.sweep(&state, now: now)
            guard let number = Self.take(entry, into: &state, now: now) else { return [] }
            let ready = state.waiting.filter { $0.value.from <= number }
            for id in ready.keys { state.waiting[id] = nil }
            return ready.values.map { ($0.answer, Self.page(state, from: $0.from)) }
        }
        for (answer, page) in ready { answer(page) }
    }

    /// Refuses an entry that names anybody or anything that is cut off, or a token made from one that was revoked.
    func check(_ entry: Entry, issued: Involved.IssueTime = .notTold, now: Int64) throws(CoreError) {
        try release(entry, issued: issued, now: now) {}
    }

    /// Lets go what was made for an entry, if nothing stops it.
    ///
    /// Before anything else is cut off or acknowledged: `answer` is called under the lock that a cut-off needs too, and
    /// must only hand on.
    func release(
        _ entry: Entry, issued: Involved.IssueTime = .notTold, now: Int64, _ answer: () -> Void
    ) throws(CoreError) {
        let refusal: CoreError? = state.withLock { state in
            if let jti = entry.jti, state.list.isRevoked(jti, now: now) {
                return CoreError(.cutOff, "the token that it is made from was revoked")
            }
            if state.list.cutOffCount > 0, let found = state.list.cutOff(Involved(entry, issued: issued), now: now) {
                return CoreError(.cutOff, "the \(found.kind.rawValue) is cut off for now")
            }
            answer()
            return nil
        }
        if let refusal { throw refusal }
    }

    /// Refuses one more when there are as many as may be.
    ///
    /// People on call, under their names, have places that no number of security events takes; no transmitter takes all of
    /// those that are for events, and no client all of those that are for tokens.
    func checkRoom(for entry: Entry, now: Int64) throws(CoreError) {
        let isFull = state.withLock { state in
            Self.sweep(&state, now: now)
            guard entry.kind == .cutoff else {
                return state.list.revokedCount >= Self.maximumRevoked
                    || state.revokedByClient[entry.client ?? "", default: 0] >= Self.maximumRevoked / 2
            }
            let events = state.list.eventCount
            guard entry.operator == nil else { return state.list.cutOffCount - events >= Self.maximumCutOffs }
            guard !state.list.replacesEvent(entry), events >= Self.maximumEvents / 2 else { return false }
            guard events < Self.maximumEvents else { return true }
            // The entry's reason names the transmitter.
            let own = state.records.lazy.filter { $0.entry.kind == .cutoff && $0.entry.reason == entry.reason }
            return own.count >= Self.maximumEvents / 2
        }
        guard !isFull else {
            throw CoreError(.saturated, "too many \(entry.kind.rawValue) entries are in force", retryAfter: 5)
        }
    }

    /// Whether a cut-off by this signed statement, or by this event of this issuer, is in force already.
    func holds(_ isSame: (Entry) -> Bool) -> Bool {
        state.withLock { $0.records.contains { $0.entry.kind == .cutoff && isSame($0.entry) } }
    }

    /// Answers with what is in force from a number on, once there is something or the wait is over.
    func read(_ request: ReadRequest, _ answer: @escaping Answer) {
        let (page, waiter) = state.withLock { state -> (LiveEntries?, UInt64?) in
            let page = Self.page(state, from: request.from)
            guard page.records.isEmpty, request.wait > .zero else { return (page, nil) }
            guard state.waiting.count < Self.maximumWaiting else { return (nil, nil) }
            state.nextWaiter += 1
            state.waiting[state.nextWaiter] = (request.from, answer)
            return (nil, state.nextWaiter)
        }
        if let page { return answer(page) }
        Task {
            guard let waiter else {
                try? await Task.sleep(for: min(request.wait, Self.pauseOfOthers))
                return answer(state.withLock { Self.page($0, from: request.from) })
            }
            try? await Task.sleep(for: request.wait)
            let waited = state.withLock { $0.waiting.removeValue(forKey: waiter) }
            waited?.answer(LiveEntries(records: [], isComplete: true))
        }
    }

    /// Numbers an entry and keeps it; nil when it stops nothing.
    @discardableResult
    private static func take(_ entry: Entry, into state: inout State, now: Int64) -> UInt64? {
        let isSuccessor = state.list.replacesEvent(entry)
        guard state.list.insert(entry, now: now) else { return nil }
        if isSuccessor { state.records.removeAll { RevocationList.areOfOneUser($0.entry, entry) } }
        let number = state.nextNumber
        state.nextNumber += 1
        state.records.append(.init(number: number, entry: entry))
        if entry.kind == .revoked { state.revokedByClient[entry.client ?? "", default: 0] += 1 }
        return number
    }

    private static func page(_ state: State, from: UInt64) -> LiveEntries {
        let start = state.records.partitioningIndex { $0.number >= from }
        return LiveEntries(first: state.records[start...])
    }

    private static func sweep(_ state: inout State, now: Int64, isForced: Bool = false) {
        guard isForced || now >= state.nextSweep else { return }
        state.nextSweep = now + sweepPeriod
        state.list.removeExpired(now: now)
        var gone: [String: Int] = [:]
        state.records.removeAll { record in
            guard (RevocationList.end(of: record.entry) ?? 0) <= now else { return false }
            if record.entry.kind == .revoked { gone[record.entry.client ?? "", default: 0] += 1 }
            return true
        }
        for (client, count) in gone {
            let left = state.revokedByClient[client, default: 0] - count
            state.revokedByClient[client] = left > 0 ? left : nil
        }
    }
}

extension Array {
    /// The index of the first element that satisfies a condition, where all after it do too.
    fileprivate func partitioningIndex(where isBeyond: (Element) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = (low + high) / 2
            if isBeyond(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
