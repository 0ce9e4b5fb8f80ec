extension LaneScheduler {
    /// No place left: the answer is when half of what waits will be done.
    func refusalForPlace(_ entry: Entry) -> Refusal? {
        let isFull =
            switch entry.workClass {
            case .minting: minting.count >= limits.capacity
            case .upkeep: minting.count >= limits.capacity + limits.upkeepPlaces
            case .tls: tls.count >= max(1, limits.capacity / 4)
            }
        guard isFull else { return nil }
        let backlog = (minting.expectedTime(estimates) + tls.expectedTime(estimates)) / Double(max(1, activeLanes))
        return .saturated(retryAfter: Int64(max(1_000_000, backlog / 2)))
    }

    /// No time left: expected end of this entry, stretched by the margin, against its deadline.
    ///
    /// With a lane idle and nothing waiting, work is always let in: else one slow answer could keep all others out for
    /// good, since only work that runs corrects an estimate.
    func refusalForTime(_ entry: Entry, now: Int64) -> Refusal? {
        if depth == 0 && busyLanes < activeLanes { return nil }
        let expected =
            expectedTimeAhead(of: entry, now: now) / Double(max(1, activeLanes))
            + estimates[entry.kind.rawValue].mean
        let late = expected * limits.margin - Double(entry.deadline - now)
        return late > 0 ? .saturated(retryAfter: Int64(max(1_000_000, late))) : nil
    }

    /// Lane time that comes before an entry let in now, over all lanes.
    private func expectedTimeAhead(of entry: Entry, now: Int64) -> Double {
        var ahead = exclusive.expectedTime(estimates)
        for case .busy(let running) in lanes.values {
            ahead += estimates[running.entry.kind.rawValue].remaining(after: now - running.started)
        }
        let own = estimates[entry.kind.rawValue].mean
        let mintingTime = minting.expectedTime(estimates)
        let tlsTime = tls.expectedTime(estimates)
        let share = limits.tlsShare
        if entry.workClass == .tls {
            return ahead + tlsTime + min(mintingTime, (tlsTime + own) * (1 - share) / share)
        }
        return ahead + mintingTime + min(tlsTime, (mintingTime + own) * share / (1 - share))
    }
}
