internal import Dispatch

extension LanePool.State {
    /// Why no work may go to the token now; nil when it may.
    func refusal(now: Int64) -> HSMError? {
        if isLibraryLost { return HSMError(.sealed, context: "the PKCS#11 library has to be restarted") }
        if isStopping { return HSMError(.sealed) }
        return breaker.refusal(now: now).map {
            HSMError(.unavailable, retryAfterMilliseconds: LanePool.State.milliseconds($0 + probeTime))
        }
    }

    /// From when a canary is due until it is signed: the watch has to see it, and the token twice its usual time.
    private var probeTime: Int64 {
        let usual = scheduler.estimates.map(\.mean).max() ?? 0
        return 2 * LanePool.tick.wholeNanoseconds + Int64(2 * usual)
    }

    /// Puts an entry in line, or says why not.
    mutating func admit(_ entry: LaneScheduler<Job>.Entry, now: Int64) -> HSMError? {
        if let refusal = refusal(now: now) { return refusal }
        switch scheduler.admit(entry, now: now) {
        case nil: return nil
        case .expired: return HSMError(.deadlineExceeded)
        case .saturated(let wait):
            return HSMError(.saturated, retryAfterMilliseconds: LanePool.State.milliseconds(wait))
        case .stopped: return HSMError(.sealed)
        }
    }

    /// What a lane does next.
    mutating func next(for lane: Int, now: Int64) -> LaneScheduler<Job>.Assignment {
        let assignment = scheduler.next(for: lane, now: now)
        if case .drop = assignment { counters.expired += 1 }
        return assignment
    }

    /// Tells the breaker; what is returned was waiting when it opened, and is refused by the caller outside the lock.
    mutating func judge(_ verdict: Lane.Verdict, now: Int64, jitter: Double) -> [Job] {
        if verdict != .none { lastVerdict = now }
        switch verdict {
        case .none: return []
        case .works:
            breaker.succeeded()
            return []
        case .fails(let isSevere):
            return breaker.failed(now: now, isSevere: isSevere, jitter: jitter) ? scheduler.drain() : []
        case .libraryLost:
            isLibraryLost = true
            return scheduler.drain()
        }
    }

    /// Sends a canary when the breaker wants one, or the token was idle for long, and a lane is there to carry it.
    mutating func probeIfDue(now: Int64, patience: Int64, heartbeat: Int64) {
        guard scheduler.activeLanes > 0, !isStopping, !isLibraryLost else { return }
        let isIdle = breaker.isClosed && scheduler.depth == 0 && now - lastVerdict >= heartbeat
        guard breaker.beginProbe(now: now) || isIdle else { return }
        lastVerdict = now
        let entry = LaneScheduler<Job>.Entry(
            work: .probe, workClass: .upkeep, kind: .task, deadline: .max, patience: patience, isExclusive: false)
        _ = scheduler.admit(entry, now: now)
    }

    /// The bell of a lane that has to be woken.
    mutating func popBell() -> DispatchSemaphore? { scheduler.popWake().flatMap { bells[$0] } }

    mutating func remove(_ lane: Int) {
        scheduler.removeLane(lane)
        bells[lane] = nil
    }

    /// Rounded up: a promise to come back too early is none.
    private static func milliseconds(_ nanoseconds: Int64) -> Int64 { (nanoseconds + 999_999) / 1_000_000 }
}
