extension LaneScheduler {
    /// Whether the entry has to be turned away, and until when.
    ///
    /// With a lane idle and nothing waiting, work is always let in: else one slow answer could keep all others out for
    /// good, since only work that runs corrects an estimate.
    mutating func refusal(_ entry: Entry, now: Int64) -> Refusal? {
        guard entry.workClass == .minting else { return refusalOfOthers(entry, now: now) }
        if depth == 0 && busyLanes < activeLanes {
            appointments.cancel(entry.turn)
            return nil
        }
        appointments.advance(to: now)
        let line = line(before: entry, now: now)
        let hasPlace = minting.count < limits.capacity
        switch appointments.claim(entry.turn, now: now) {
        case .due:
            if hasPlace && line.ends <= line.patience { return nil }
        case .early(let rest):
            guard hasPlace && hasRoom(entry, line, now: now) else { return .saturated(retryAfter: wholeSteps(rest)) }
            appointments.cancel(entry.turn)
            return nil
        case .unknown:
            if hasPlace && hasRoom(entry, line, now: now) { return nil }
        }
        return .saturated(retryAfter: timeToReturn(entry, line, now: now))
    }

    /// Room that nobody was promised.
    private func hasRoom(_ entry: Entry, _ line: Line, now: Int64) -> Bool {
        line.ends <= line.patience * (1 - limits.reserve)
            && appointments.allow(line.work, level: line.level, pace: line.pace, now: now)
    }

    /// An appointment where the caller is known again and one can be kept; else when the line will have cleared so far
    /// that there would be room.
    private mutating func timeToReturn(_ entry: Entry, _ line: Line, now: Int64) -> Int64 {
        // A full line may be full of work that takes no time: places count as well.
        let places = Double(limits.capacity) * line.work * line.pace
        let promised = appointments.make(
            entry.turn, work: line.work, patience: min(line.patience, places) * (1 - limits.reserve),
            level: line.level, pace: line.pace, now: now)
        if let promised { return promised }
        return wholeSteps(Int64(max(line.ends - line.patience * (1 - limits.reserve), line.level / 2)))
    }

    private func wholeSteps(_ time: Int64) -> Int64 { max(1, (time + limits.step - 1) / limits.step) * limits.step }

    /// Handshakes and upkeep keep no appointments: neither comes back by itself.
    private func refusalOfOthers(_ entry: Entry, now: Int64) -> Refusal? {
        let hasPlace =
            entry.workClass == .tls
            ? tls.count < max(1, limits.capacity / 4) : minting.count < limits.capacity + limits.upkeepPlaces
        if hasPlace && depth == 0 && busyLanes < activeLanes { return nil }
        let line = line(before: entry, now: now)
        if hasPlace && line.ends <= line.patience { return nil }
        return .saturated(retryAfter: wholeSteps(Int64(max(line.ends - line.patience, line.level / 2))))
    }

    /// Takes out what the lanes have turned out to be too slow for: its callers hear of it now, and not at their deadline.
    ///
    /// Goes by what is likely, not by what is prudent; what is let in by prudence is never taken out again unless the token
    /// has become slower since.
    mutating func shed(now: Int64) -> [(work: Work, refusal: Refusal)] {
        guard let front = minting.front, !isStopped else { return [] }
        let base = clearing(0, now: now)
        guard base + minting.prudentTime(estimates) * pace(of: .minting) > Double(front.deadline - now) else {
            return []
        }
        var ahead = 0.0
        let rate = 1 / Double(max(1, activeLanes))
        let gone = minting.remove { entry in
            let mean = estimates[entry.kind.rawValue].mean
            guard entry.workClass == .minting, base + ahead * rate + mean > Double(entry.deadline - now) else {
                ahead += mean
                return false
            }
            return true
        }
        appointments.advance(to: now)
        return gone.map { entry in
            let line = line(before: entry, now: now)
            return (entry.work, .saturated(retryAfter: timeToReturn(entry, line, now: now)))
        }
    }
}

extension LaneScheduler {
    /// What stands before an entry; prudently reckoned, in nanoseconds.
    struct Line {
        /// Until a lane is free for it.
        let level: Double
        /// Until it is done.
        let ends: Double
        /// How long it has, less what its own time may vary by.
        let patience: Double
        /// Lane time of its own.
        let work: Double
        /// Time that the lanes together take for a unit of work in its line, the other line having its share.
        let pace: Double
    }

    func line(before entry: Entry, now: Int64) -> Line {
        let estimate = estimates[entry.kind.rawValue]
        let own = (entry.workClass == .tls ? tls : minting).prudentTime(estimates)
        let beside = timeBeside(own + estimate.prudent, of: entry.workClass)
        let level = clearing(own + beside + exclusive.prudentTime(estimates), now: now)
        return Line(
            level: level, ends: level + estimate.prudent,
            patience: Double(entry.deadline - entry.arrived) - estimate.deviation, work: estimate.prudent,
            pace: pace(of: entry.workClass))
    }

    func pace(of workClass: WorkClass) -> Double {
        let share = workClass == .tls ? limits.tlsShare : 1 - limits.tlsShare
        return 1 / (share * Double(max(1, activeLanes)))
    }

    /// Until so much work is done by the lanes, each of which first ends what it is at.
    ///
    /// A lane that is stuck beyond that takes no part.
    private func clearing(_ work: Double, now: Int64) -> Double {
        var bound = Double.infinity
        while true {
            var (sum, count, longest) = (work, 0, 0.0)
            for state in lanes.values {
                var rest = 0.0
                switch state {
                case .writtenOff: continue
                case .busy(let running):
                    rest = estimates[running.entry.kind.rawValue].remaining(after: now - running.started)
                default: break
                }
                guard rest < bound else { continue }
                sum += rest
                count += 1
                longest = max(longest, rest)
            }
            let level = sum / Double(max(1, count))
            if level >= longest || count <= 1 { return level }
            bound = longest
        }
    }

    /// Lane time that goes to the other line until so much of this one is done.
    ///
    /// Handshakes may come at any moment and go first, so minting always reckons with their whole share, what they were
    /// kept from getting before, and the one that is next. A handshake reckons with minting where some waits, for more will
    /// come.
    private func timeBeside(_ own: Double, of workClass: WorkClass) -> Double {
        let share = workClass == .tls ? 1 - limits.tlsShare : limits.tlsShare
        let taken = workClass == .tls ? mintingTime : tlsTime
        let owed = max(0, share * (tlsTime + mintingTime) - taken)
        let most = (own * share + owed) / (1 - share)
        guard workClass != .tls else { return minting.isEmpty ? 0 : most }
        return most + (tls.front.map { estimates[$0.kind.rawValue].prudent } ?? 0)
    }
}
