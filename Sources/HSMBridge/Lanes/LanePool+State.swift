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
        let usual = KeyAlgorithm.signatures.map { scheduler.estimates[WorkKind.signature($0).rawValue].mean }.max() ?? 0
        return 2 * LanePool.tick.wholeNanoseconds + Int64(2 * usual)
    }

    /// Puts an entry in line, or says why not.
    mutating func admit(_ entry: LaneScheduler<Job>.Entry, now: Int64) -> HSMError? {
        if let refusal = refusal(now: now) { return refusal }
        return scheduler.admit(entry, now: now).map(LanePool.State.error)
    }

    /// What a caller is told who is turned away.
    static func error(_ refusal: LaneScheduler<Job>.Refusal) -> HSMError {
        switch refusal {
        case .expired: HSMError(.deadlineExceeded)
        case .saturated(let wait): HSMError(.saturated, retryAfterMilliseconds: milliseconds(wait))
        case .stopped: HSMError(.sealed)
        case .besideHang: HSMError(.laneHung, context: "a call hangs, and this must not be done beside another one")
        }
    }

    /// What a lane does next.
    mutating func next(for lane: Int, now: Int64) -> LaneScheduler<Job>.Assignment {
        let assignment = scheduler.next(for: lane, now: now)
        if case .drop = assignment { counters.expired += 1 }
        return assignment
    }

    /// Tells the breaker; what is returned was waiting when it opened, and is refused by the caller outside the lock.
    mutating func judge(_ verdict: Lane.Verdict, now: Int64, jitter: Double, isCanary: Bool = false) -> [Job] {
        if verdict != .none { lastVerdict = now }
        switch verdict {
        case .none: return []
        case .works:
            breaker.succeeded(isCanary: isCanary)
            return []
        case .fails(let isSevere):
            return breaker.failed(now: now, isSevere: isSevere, jitter: jitter) ? scheduler.drain() : []
        case .libraryLost:
            isLibraryLost = true
            return scheduler.drain()
        }
    }

    /// How often a key that is missing is looked for.
    private static let search: Int64 = 1_000_000_000

    /// Sends a canary when the breaker wants one, the token was idle for long or a key is missing, and a lane is there to
    /// carry it.
    mutating func probeIfDue(now: Int64, patience: Int64, canaryLimit: Int64, heartbeat: Int64, isKeyMissing: Bool) {
        guard scheduler.activeLanes > 0, !isStopping, !isLibraryLost else { return }
        let isIdle = breaker.isClosed && scheduler.depth == 0 && now - lastVerdict >= heartbeat
        let isSearch = breaker.isClosed && isKeyMissing && now - lastProbe >= LanePool.State.search
        let isTry = breaker.beginProbe(now: now)
        guard isTry || isIdle || isSearch else { return }
        lastVerdict = now
        lastProbe = now
        // A library is started anew while no lane is inside it, and so never beside a call that hangs.
        let entry = LaneScheduler<Job>.Entry(
            work: .probe, workClass: .upkeep, kind: .task, deadline: .max, patience: isTry ? patience : canaryLimit,
            isExclusive: needsRestart && scheduler.hungLanes == 0)
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
