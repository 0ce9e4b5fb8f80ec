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
        /// A canary is signed when nothing else was for so long.
        var heartbeat: Duration
        /// How long that canary may take.
        var canaryLimit: Duration
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
        /// When the token last answered for a signature or a canary, well or badly, or was asked to.
        var lastVerdict: Int64 = 0
        /// When a canary was last sent.
        var lastProbe: Int64 = 0
        /// The token will not be seen again before its library is started anew.
        var needsRestart = false
        var restarts: UInt64 = 0
    }

    /// How often the watch looks.
    static let tick = Duration.milliseconds(25)

    let configuration: Configuration
    let login: TokenLogin
    let state: Mutex<State>
    private let start = ContinuousClock.now
    let hangLimit: Int64
    let watchEnds = DispatchSemaphore(value: 0)
    /// Keys in use, the oldest first: a canary is signed with the first that does.
    let keys = Mutex<[BoundKey]>([])

    /// Starts the lanes and the watch.
    init(login: TokenLogin, configuration: Configuration) throws(HSMError) {
        self.login = login
        self.configuration = configuration
        hangLimit = configuration.hangLimit.wholeNanoseconds
        state = Mutex(State(scheduler: LaneScheduler(limits: configuration.limits)))
        login.beforeEachLogin { [weak self] in self?.forgetHandles() }
        do throws(HSMError) {
            for _ in 0..<configuration.lanes { try startLane() }
            try DedicatedThread.start("hsm-watch") { self.watch() }
        } catch {
            _ = stop(drainingFor: .zero)
            throw error
        }
    }

    /// Nanoseconds on the pool's clock.
    func time(of instant: ContinuousClock.Instant) -> Int64 { (instant - start).wholeNanoseconds }
    var now: Int64 { time(of: .now) }

    /// A key that is in use from now on: canaries may use it, and it is looked for when it is missing.
    func watch(over key: BoundKey) { keys.withLock { $0.append(key) } }

    /// A key that did not come into use after all.
    func forget(_ key: BoundKey) { keys.withLock { $0.removeAll { $0 === key } } }

    /// The key with this CKA_ID is no more: nobody looks for it.
    func forget(_ id: [UInt8]) { keys.withLock { $0.removeAll { $0.reference.id == id } } }

    /// Puts a job in line, or refuses it there and then, on this thread.
    func submit(
        _ job: Job, workClass: WorkClass, kind: WorkKind, deadline: ContinuousClock.Instant,
        patience: Duration? = nil, isExclusive: Bool = false, turn: UInt64 = 0
    ) {
        let entry = LaneScheduler<Job>.Entry(
            work: job, workClass: workClass, kind: kind, deadline: time(of: deadline),
            patience: patience?.wholeNanoseconds ?? hangLimit, isExclusive: isExclusive, turn: turn)
        let now = now
        let isBarred = login.state == .refused
        let (refusal, bell) = state.withLock { state in
            // A PIN that was refused is never tried again, so there is nothing to wait for.
            let refusal = isBarred ? HSMError(.pinRefused) : state.admit(entry, now: now)
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
        wait(atMost: limit) { $0.scheduler.depth == 0 && $0.scheduler.busyLanes == 0 }
        let left = state.withLock { state in
            state.scheduler.stop()
            return state.scheduler.drain()
        }
        for job in left { job.refuse(HSMError(.sealed)) }
        ringAll()
        // A lane keeps its bell until it has closed its session.
        wait(atMost: configuration.hangLimit) { $0.bells.count <= $0.scheduler.hungLanes }
        watchEnds.signal()
        return state.withLock { $0.bells.isEmpty }
    }

    private func wait(atMost limit: Duration, until isDone: (State) -> Bool) {
        let end = ContinuousClock.now + limit
        let never = DispatchSemaphore(value: 0)
        while ContinuousClock.now < end, !state.withLock({ isDone($0) }) {
            _ = never.wait(timeout: .now() + .milliseconds(2))
        }
    }

    /// Wakes lanes for what waits.
    func ringAll() { while let bell = state.withLock({ $0.popBell() }) { bell.signal() } }
}
