extension LaneScheduler {
    /// The next entry: exclusive work once it is alone, else the line whose turn it is.
    mutating func choose() -> Entry? {
        guard exclusive.isEmpty && exclusiveLane == nil else {
            return busyLanes == 0 && hungLanes == 0 ? exclusive.popFirst() : nil
        }
        if tls.isEmpty { return minting.popFirst() }
        if minting.isEmpty { return tls.popFirst() }
        return tlsTime <= limits.tlsShare * (tlsTime + mintingTime) ? tls.popFirst() : minting.popFirst()
    }

    /// Whether there is a point in beginning the entry.
    ///
    /// Lane time is not spent on what would come too late while other work waits; the last in line is tried all the same,
    /// since only work that runs corrects an estimate.
    func canStillServe(_ entry: Entry, now: Int64) -> Bool {
        let left = Double(entry.deadline - now)
        return left > 0 && (depth == 0 || left >= estimates[entry.kind.rawValue].prudent)
    }

    /// Lane time under contention, halved each second so that the shares follow the present.
    mutating func account(_ elapsed: Double, for workClass: WorkClass) {
        if workClass == .tls {
            tlsTime = max(0, tlsTime + elapsed)
        } else {
            mintingTime = max(0, mintingTime + elapsed)
        }
        if tlsTime + mintingTime > 1e9 {
            tlsTime /= 2
            mintingTime /= 2
        }
    }
}
