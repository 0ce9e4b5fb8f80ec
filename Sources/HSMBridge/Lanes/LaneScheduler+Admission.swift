extension LaneScheduler {
    /// Whether the entry has to be turned away, and until when: both a place and the time must be there by then.
    func refusal(_ entry: Entry, now: Int64) -> Refusal? {
        let waits = [waitForPlace(entry), waitForTime(entry, now: now)].compactMap(\.self)
        guard let wait = waits.max() else { return nil }
        // Lines and lanes move by whole pieces of work, and what is stuck looks ever longer the longer it takes.
        let grain = 2 * (estimates.map(\.mean).max() ?? 0)
        return .saturated(retryAfter: max(1_000_000, Int64(wait + grain + longestStuck(now: now))))
    }

    /// Without a place the wait is until half of the line is done; nil with one.
    private func waitForPlace(_ entry: Entry) -> Double? {
        let isFull =
            switch entry.workClass {
            case .minting: minting.count >= limits.capacity
            case .upkeep: minting.count >= limits.capacity + limits.upkeepPlaces
            case .tls: tls.count >= max(1, limits.capacity / 4)
            }
        guard isFull else { return nil }
        let own = (entry.workClass == .tls ? tls : minting).expectedTime(estimates) / 2
        let beside = timeBeside(own, of: entry.workClass)
        return (own + beside) / Double(max(1, activeLanes))
    }

    /// Expected end of this entry, stretched by the margin, against its deadline; nil when it makes it.
    ///
    /// With a lane idle and nothing waiting, work is always let in: else one slow answer could keep all others out for
    /// good, since only work that runs corrects an estimate.
    private func waitForTime(_ entry: Entry, now: Int64) -> Double? {
        if depth == 0 && busyLanes < activeLanes { return nil }
        let expected =
            expectedTimeAhead(of: entry, now: now) / Double(max(1, activeLanes))
            + estimates[entry.kind.rawValue].mean
        let late = expected * limits.margin - Double(entry.deadline - now)
        return late > 0 ? late : nil
    }

    /// How much longer work that is far past its mean is expected to take.
    private func longestStuck(now: Int64) -> Double {
        var longest = 0.0
        for case .busy(let running) in lanes.values {
            let estimate = estimates[running.entry.kind.rawValue]
            let elapsed = now - running.started
            if estimate.isPast(elapsed) { longest = max(longest, estimate.remaining(after: elapsed)) }
        }
        return longest
    }

    /// Lane time that comes before an entry let in now, over all lanes.
    private func expectedTimeAhead(of entry: Entry, now: Int64) -> Double {
        var ahead = exclusive.expectedTime(estimates)
        for case .busy(let running) in lanes.values {
            ahead += estimates[running.entry.kind.rawValue].remaining(after: now - running.started)
        }
        let own = (entry.workClass == .tls ? tls : minting).expectedTime(estimates)
        return ahead + own + timeBeside(own + estimates[entry.kind.rawValue].mean, of: entry.workClass)
    }

    /// What the other line takes of the lanes until so much of this one is done: its share, and what it was kept from
    /// getting of it before; never more than waits there.
    private func timeBeside(_ own: Double, of workClass: WorkClass) -> Double {
        let share = workClass == .tls ? 1 - limits.tlsShare : limits.tlsShare
        let other = workClass == .tls ? minting : tls
        let taken = workClass == .tls ? mintingTime : tlsTime
        let owed = max(0, share * (tlsTime + mintingTime) - taken)
        return min(other.expectedTime(estimates), (own * share + owed) / (1 - share))
    }
}
