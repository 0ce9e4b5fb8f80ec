internal import Dispatch
internal import Synchronization

/// The threads that work with a token, one queue in front of them, and a watch that never calls the token itself.
final class LanePool: Sendable {
    /// How many lanes, how long a call may take, and how much may wait.
    struct Configuration: Sendable {
        var lanes: Int
        var limits: LaneScheduler<Job>.Limits
        /// A call that takes longer is taken to hang.
        var hangLimit: Duration
        /// Hung lanes beyond this many are not replaced.
        var maximumHungLanes: Int
        /// From 0 to 1; spreads tries in time.
        var jitter: @Sendable () -> Double
    }

    struct State: Sendable {
        var scheduler: LaneScheduler<Job>
        var breaker = CircuitBreaker()
        var bells: [Int: DispatchSemaphore] = [:]
        var isStopping = false
        var isLibraryLost = false
        var counters = LaneCounters()
        var lastFailure: HSMError?
    }

    /// How often the watch looks.
    private static let tick = Duration.milliseconds(25)

    let configuration: Configuration
    let login: TokenLogin
    let state: Mutex<State>
    private let start = ContinuousClock.now
    private let hangLimit: Int64
    private let watchEnds = DispatchSemaphore(value: 0)
    private let probeKey = Mutex<BoundKey?>(nil)

    /// Starts the lanes and the watch.
    init(login: TokenLogin, configuration: Configuration) throws(HSMError) {
        self.login = login
        self.configuration = configuration
        hangLimit = configuration.hangLimit.wholeNanoseconds
        state = Mutex(State(scheduler: LaneScheduler(limits: configuration.limits)))
        for _ in 0..<configuration.lanes { try startLane() }
        try DedicatedThread.start("hsm-watch") { self.watch() }
    }

    /// Nanoseconds on the pool's clock.
    func time(of instant: ContinuousClock.Instant) -> Int64 { (instant - start).wholeNanoseconds }
    private var now: Int64 { time(of: .now) }

    /// The key that canaries use when the breaker wants to know whether the token is back.
    func probe(with key: BoundKey) { probeKey.withLock { $0 = $0 ?? key } }

    /// Puts a job in line, or refuses it there and then, on this thread.
    func submit(
        _ job: Job, workClass: WorkClass, kind: WorkKind, deadline: ContinuousClock.Instant,
        patience: Duration? = nil, isExclusive: Bool = false
    ) {
        let entry = LaneScheduler<Job>.Entry(
            work: job, workClass: workClass, kind: kind, deadline: time(of: deadline),
            patience: patience?.wholeNanoseconds ?? hangLimit, isExclusive: isExclusive)
        let now = now
        let (refusal, bell) = state.withLock { state in
            let refusal = state.admit(entry, now: now)
            if refusal != nil { state.counters.refused += 1 }
            return (refusal, refusal == nil ? state.popBell() : nil)
        }
        bell?.signal()
        if let refusal { job.refuse(refusal) }
    }

    /// Refuses new work, lets what waits finish for as long as `limit`, and ends the lanes.
    ///
    /// False when a lane hangs: its session stays open, and the library must not be finalised. Blocks.
    func stop(drainingFor limit: Duration) -> Bool {
        state.withLock { $0.isStopping = true }
        wait(atMost: limit) { $0.depth == 0 && $0.busyLanes == 0 }
        let left = state.withLock { state in
            state.scheduler.stop()
            return state.scheduler.drain()
        }
        for job in left { job.refuse(HSMError(.sealed)) }
        ringAll()
        wait(atMost: configuration.hangLimit) { $0.activeLanes == 0 }
        watchEnds.signal()
        return state.withLock { $0.scheduler.lanes.isEmpty }
    }

    private func wait(atMost limit: Duration, until isDone: (LaneScheduler<Job>) -> Bool) {
        let end = ContinuousClock.now + limit
        let never = DispatchSemaphore(value: 0)
        while ContinuousClock.now < end, !state.withLock({ isDone($0.scheduler) }) {
            _ = never.wait(timeout: .now() + .milliseconds(2))
        }
    }

    /// Wakes lanes for what waits.
    func ringAll() { while let bell = state.withLock({ $0.popBell() }) { bell.signal() } }
}

extension LanePool {
    private func startLane() throws(HSMError) {
        let bell = DispatchSemaphore(value: 0)
        let now = now
        let lane = state.withLock { state in
            let lane = state.scheduler.addLane(now: now)
            state.bells[lane] = bell
            return lane
        }
        do throws(HSMError) {
            try DedicatedThread.start("hsm-lane-\(lane)") { self.run(lane, bell) }
        } catch {
            state.withLock { $0.remove(lane) }
            throw error
        }
    }

    /// The life of a lane.
    private func run(_ id: Int, _ bell: DispatchSemaphore) {
        var lane = Lane(login: login)
        do throws(HSMError) { try lane.open() } catch { note(error) }
        guard returns(id, &lane) else { return }
        while true {
            let now = now
            switch state.withLock({ $0.scheduler.next(for: id, now: now) }) {
            case .run(let job):
                guard perform(job, &lane, id) == .writtenOff else { continue }
                guard returns(id, &lane) else { return }
            case .park: bell.wait()
            case .leave:
                state.withLock { $0.remove(id) }
                return
            }
        }
    }

    /// A lane that was written off meanwhile starts afresh where it is wanted, and ends where not.
    private func returns(_ id: Int, _ lane: inout Lane) -> Bool {
        let (wasHung, isWanted) = state.withLock { state in
            let wasHung = if case .writtenOff = state.scheduler.lanes[id] { true } else { false }
            return (wasHung, state.scheduler.readmit(id, wanted: configuration.lanes))
        }
        if wasHung {
            lane.dropSession()
            let now = now
            state.withLock { $0.breaker.probeSoon(now: now) }
        }
        if !isWanted { state.withLock { $0.remove(id) } }
        return isWanted
    }

    private func perform(_ job: Job, _ lane: inout Lane, _ id: Int) -> LaneScheduler<Job>.Conclusion {
        let conclusion: LaneScheduler<Job>.Conclusion
        switch job {
        case .signature(let key, let message, let completion):
            let result = lane.sign(message, with: key)
            let failure: HSMError? = if case .failure(let error) = result { error } else { nil }
            conclusion = finish(id, lane.takeVerdict(), failure)
            deliver(conclusion, job) { completion(result) }
        case .task(let run, _):
            let release = run(&lane)
            conclusion = finish(id, .none, nil)
            deliver(conclusion, job, release)
        case .probe:
            let failure = runProbe(&lane)
            conclusion = finish(id, failure == nil ? .works : .fails(isSevere: true), failure)
        }
        return conclusion
    }

    private func deliver(_ conclusion: LaneScheduler<Job>.Conclusion, _ job: Job, _ release: () -> Void) {
        switch conclusion {
        case .owed: release()
        case .late: job.refuse(HSMError(.deadlineExceeded))
        case .told, .writtenOff: break
        }
    }

    /// Ends a job under one lock, and empties the queue when the breaker opened.
    private func finish(
        _ id: Int, _ verdict: Lane.Verdict, _ failure: HSMError?
    ) -> LaneScheduler<Job>.Conclusion {
        let now = now
        let jitter = verdict == .works ? 0 : configuration.jitter()
        let (conclusion, stranded) = state.withLock { state in
            let conclusion = state.scheduler.finish(id, now: now, succeeded: failure == nil)
            if let failure { state.lastFailure = failure }
            state.counters.add(conclusion, isSignature: verdict == .works)
            return (conclusion, state.judge(verdict, now: now, jitter: jitter))
        }
        refuse(stranded)
        return conclusion
    }

    private func note(_ error: HSMError) { state.withLock { $0.lastFailure = error } }

    private func refuse(_ jobs: [Job]) {
        guard !jobs.isEmpty else { return }
        let now = now
        let error = state.withLock { $0.refusal(now: now) } ?? HSMError(.unavailable)
        for job in jobs { job.refuse(error) }
    }

    /// Finds the token again and signs a canary; before any key is in use, opening a session has to do.
    private func runProbe(_ lane: inout Lane) -> HSMError? {
        do throws(HSMError) {
            try login.relocate()
            try login.restore()
            guard let key = probeKey.withLock({ $0 }), !key.isQuarantined else {
                lane.dropSession()
                try lane.open()
                return nil
            }
            if case .failure(let error) = lane.sign(Lane.canary, with: key) { return error }
            return nil
        } catch {
            return error
        }
    }
}

extension LanePool {
    private func watch() {
        let tick = Int(LanePool.tick.wholeNanoseconds)
        while watchEnds.wait(timeout: .now() + .nanoseconds(tick)) == .timedOut { look() }
    }

    /// Tells callers whose deadline passed, writes off lanes that hang, replaces them, and sends canaries.
    private func look() {
        let now = now
        let jitter = configuration.jitter()
        let (expired, hung, stranded, missing) = state.withLock { state in
            let expired = state.scheduler.expire(now: now)
            let hung = state.scheduler.writeOff(now: now, startPatience: hangLimit)
            state.counters.hung += UInt64(hung.count)
            state.counters.expired += UInt64(expired.count)
            if !hung.isEmpty { state.lastFailure = HSMError(.laneHung) }
            let stranded = hung.isEmpty ? [] : state.judge(.fails(isSevere: true), now: now, jitter: jitter)
            let isBounded = state.scheduler.hungLanes <= configuration.maximumHungLanes && !state.isStopping
            return (expired, hung, stranded, isBounded ? configuration.lanes - state.scheduler.activeLanes : 0)
        }
        for job in expired { job.refuse(HSMError(.deadlineExceeded)) }
        for lane in hung { lane.owed?.refuse(HSMError(.laneHung)) }
        refuse(stranded)
        for _ in 0..<max(0, missing) { try? startLane() }
        state.withLock { $0.probeIfDue(now: now, patience: hangLimit) }
        ringAll()
    }
}
