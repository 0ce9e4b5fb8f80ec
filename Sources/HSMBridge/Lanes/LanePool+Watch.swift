internal import Dispatch
internal import Synchronization

extension LanePool {
    /// The life of the thread that watches the lanes; it never calls the token itself.
    func watch() {
        let tick = Int(LanePool.tick.wholeNanoseconds)
        while watchEnds.wait(timeout: .now() + .nanoseconds(tick)) == .timedOut { look() }
    }

    /// Tells callers whose deadline passed, writes off lanes that hang, replaces them, and sends canaries.
    private func look() {
        let now = now
        let jitter = configuration.jitter()
        let (expired, shed, hung, barred, stranded, missing) = state.withLock { state in
            let expired = state.scheduler.expire(now: now)
            let shed = state.scheduler.shed(now: now)
            state.counters.refused += UInt64(shed.count)
            let hung = state.scheduler.writeOff(now: now, startPatience: hangLimit)
            state.counters.hung += UInt64(hung.count)
            state.counters.expired += UInt64(expired.count)
            let barred = state.scheduler.withdrawExclusive()
            if !hung.isEmpty { state.lastFailure = HSMError(.laneHung) }
            let stranded = hung.isEmpty ? [] : state.judge(.fails(isSevere: true), now: now, jitter: jitter)
            let isBounded = state.scheduler.hungLanes <= configuration.maximumHungLanes && !state.isStopping
            let missing = isBounded ? configuration.lanes - state.scheduler.activeLanes : 0
            return (expired, shed, hung, barred, stranded, missing)
        }
        for job in expired { job.refuse(HSMError(.deadlineExceeded)) }
        for (job, refusal) in shed { job.refuse(State.error(refusal)) }
        for lane in hung { lane.owed?.refuse(HSMError(.laneHung)) }
        for job in barred { job.refuse(State.error(.besideHang)) }
        refuse(stranded)
        for _ in 0..<max(0, missing) { try? startLane() }
        let heartbeat = configuration.heartbeat.wholeNanoseconds
        let canaryLimit = configuration.canaryLimit.wholeNanoseconds
        let isKeyMissing = keys.withLock { $0.contains(where: \.isMissing) }
        state.withLock {
            $0.probeIfDue(
                now: now, patience: hangLimit, canaryLimit: canaryLimit, heartbeat: heartbeat,
                isKeyMissing: isKeyMissing)
        }
        ringAll()
    }
}
