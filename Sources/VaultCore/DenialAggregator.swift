package import AuditLog
package import StrictEncoding
import Synchronization

/// Keeps a flood of refused requests from filling the log: above a rate, refusals of one kind become one entry.
///
/// Each client has a budget of entries of its own. What goes beyond it is counted, and once a second each kind of refusal
/// becomes one entry with `count`, `first` and `last`. Nothing is granted by a denial, so the answer need not wait for
/// that entry; a crash loses at most the counts of the last second.
package final class DenialAggregator: Sendable {
    /// Entries a second, and at once, that one client's refusals may fill.
    package struct Budget: Sendable {
        package var rate: Double
        package var burst: Double

        /// A budget.
        package init(rate: Double, burst: Double) {
            self.rate = rate
            self.burst = burst
        }

        /// 20 a second, 100 at once.
        package static let standard = Budget(rate: 20, burst: 100)
    }

    /// What makes two refusals one of a kind.
    private struct Kind: Hashable {
        let client: String?
        let peer: String?
        let code: String?
        let reason: String?
        let rule: String?
    }

    private struct Bucket {
        var level: Double
        var time: ContinuousClock.Instant
    }

    private struct State {
        var buckets: [String: Bucket] = [:]
        /// When quiet clients are looked for again.
        var nextSearch: ContinuousClock.Instant?
        var counted: [Kind: Entry] = [:]
        var isFlushing = false
    }

    /// How many clients are told apart, and how many kinds are counted at once; beyond, they share one.
    private static let maximumClients = 4096
    private static let maximumKinds = 256

    private let budget: Budget
    private let interval: Duration
    private let clock: @Sendable () -> UnixTime
    private let record: @Sendable (Entry) -> Void
    private let state = Mutex(State())

    /// An aggregator that hands its entries to `record`: what it counted, once an interval.
    package init(
        budget: Budget = .standard, interval: Duration = .seconds(1), clock: @escaping @Sendable () -> UnixTime,
        record: @escaping @Sendable (Entry) -> Void
    ) {
        self.budget = budget
        self.interval = interval
        self.clock = clock
        self.record = record
    }

    /// Whether a denial is to be recorded by itself; otherwise it has been counted.
    package func admits(_ entry: Entry) -> Bool {
        let now = ContinuousClock.now
        let time = clock()
        let (isAdmitted, isFirst) = state.withLock { state in
            guard !spend(entry, &state, now) else { return (true, false) }
            count(entry, &state, time)
            defer { state.isFlushing = true }
            return (false, !state.isFlushing)
        }
        if isFirst {
            Task { [self] in
                try? await Task.sleep(for: interval)
                flush()
            }
        }
        return isAdmitted
    }

    /// Records what was counted; also the last thing before the log is closed.
    package func flush() {
        let entries = state.withLock { state in
            defer { (state.counted, state.isFlushing) = ([:], false) }
            return Array(state.counted.values)
        }
        for entry in entries { record(entry) }
    }

    private func spend(_ entry: Entry, _ state: inout State, _ now: ContinuousClock.Instant) -> Bool {
        var key = entry.client ?? entry.peer ?? ""
        if state.buckets[key] == nil, state.buckets.count >= DenialAggregator.maximumClients {
            forgetQuiet(&state, now)
            if state.buckets.count >= DenialAggregator.maximumClients { key = "" }
        }
        var bucket = state.buckets[key] ?? Bucket(level: budget.burst, time: now)
        bucket.level = min(budget.burst, bucket.level + (now - bucket.time) / .seconds(1) * budget.rate)
        bucket.time = now
        let isAdmitted = bucket.level >= 1
        if isAdmitted { bucket.level -= 1 }
        state.buckets[key] = bucket
        return isAdmitted
    }

    /// Forgets clients whose budget is whole again, once an interval at most.
    ///
    /// They are as those that have never been seen.
    private func forgetQuiet(_ state: inout State, _ now: ContinuousClock.Instant) {
        guard state.nextSearch.map({ now >= $0 }) ?? true else { return }
        state.nextSearch = now + interval
        state.buckets = state.buckets.filter { _, bucket in
            bucket.level + (now - bucket.time) / .seconds(1) * budget.rate < budget.burst
        }
    }

    private func count(_ entry: Entry, _ state: inout State, _ time: UnixTime) {
        var kind = Kind(
            client: entry.client, peer: entry.peer, code: entry.code, reason: entry.reason, rule: entry.ruleID)
        if state.counted[kind] == nil, state.counted.count >= DenialAggregator.maximumKinds {
            kind = Kind(client: nil, peer: nil, code: nil, reason: "denials of many kinds", rule: nil)
        }
        var counted = state.counted[kind] ?? first(of: kind, bundle: entry.bundle, time)
        let (sum, overflows) = (counted.count ?? 0).addingReportingOverflow(entry.count ?? 1)
        // Beyond this number an entry could not be recorded at all.
        let most = JSONValue.safeIntegers.upperBound
        counted.count = overflows ? most : min(sum, most)
        counted.last = time
        state.counted[kind] = counted
    }

    private func first(of kind: Kind, bundle: String?, _ time: UnixTime) -> Entry {
        var entry = Entry(kind: .denied)
        (entry.client, entry.peer, entry.code) = (kind.client, kind.peer, kind.code)
        (entry.reason, entry.ruleID, entry.bundle) = (kind.reason, kind.rule, bundle)
        entry.first = time
        return entry
    }
}
