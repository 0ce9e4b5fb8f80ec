extension LaneScheduler {
    /// Whether work that must be alone runs, or waits to begin and can; beside a call that hangs it cannot.
    var isHeldBack: Bool { exclusiveLane != nil || (!exclusive.isEmpty && hungLanes == 0) }

    /// Whether work that must be alone is alone.
    var mayBeginExclusive: Bool { !exclusive.isEmpty && busyLanes == 0 && hungLanes == 0 }

    /// Since when no lane can have taken work, because one is at what must be alone or all are at theirs; nil if one can.
    var busySince: Int64? {
        var latest: Int64?
        for (lane, state) in lanes {
            switch state {
            case .writtenOff: continue
            case .busy(let running):
                if lane == exclusiveLane { return running.started }
                latest = max(latest ?? .min, running.started)
            default: if exclusiveLane == nil { return nil }
            }
        }
        return latest
    }

    /// The next entry: exclusive work once it is alone, else the line whose turn it is.
    mutating func choose() -> Entry? {
        guard !isHeldBack else { return mayBeginExclusive ? exclusive.popFirst() : nil }
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
