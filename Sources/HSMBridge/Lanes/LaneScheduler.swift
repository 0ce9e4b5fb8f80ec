/// Decides which lane does what, when, and what is refused at the door: a plain state machine, without threads or clock.
///
/// Times are nanoseconds of the caller's clock. One bounded queue with deadlines stands in front of the lanes; handshakes
/// and minting have a line each in it, so that a flood of handshakes takes no more than its share of lane time. Work
/// marked exclusive waits until every other lane is idle, and holds the others back.
struct LaneScheduler<Work: Sendable>: Sendable {
    typealias Entry = WorkQueue<Work>.Entry

    let limits: Limits
    var lanes: [Int: LaneState] = [:]
    var minting = WorkQueue<Work>()
    var tls = WorkQueue<Work>()
    var exclusive = WorkQueue<Work>()
    var estimates = [ServiceEstimate](repeating: ServiceEstimate(), count: WorkKind.count)
    var appointments: Appointments
    private(set) var isStopped = false
    private var idle: [Int] = []
    private var waking = 0
    private var nextLane = 0
    var exclusiveLane: Int?
    var mintingTime = 0.0
    var tlsTime = 0.0

    init(limits: Limits) {
        self.limits = limits
        appointments = Appointments(step: limits.step)
    }

    /// Entries that wait.
    var depth: Int { minting.count + tls.count + exclusive.count }
    /// Lanes that are not written off.
    var activeLanes: Int { lanes.count - hungLanes }
    /// Lanes that were written off and have not returned.
    var hungLanes: Int { lanes.values.count { if case .writtenOff = $0 { true } else { false } } }
    /// Lanes inside the library now, those that never came back not counted.
    var busyLanes: Int {
        lanes.values.count {
            switch $0 {
            case .busy, .starting: true
            default: false
            }
        }
    }

    /// A new lane, which counts as at work until it first asks for some.
    mutating func addLane(now: Int64) -> Int {
        defer { nextLane += 1 }
        lanes[nextLane] = .starting(since: now)
        return nextLane
    }

    /// The same where fewer lanes than so many are there; nil where not.
    mutating func addLane(now: Int64, wanted: Int) -> Int? { activeLanes < wanted ? addLane(now: now) : nil }

    /// Lets an entry into the queue, or says why not.
    mutating func admit(_ entry: Entry, now: Int64) -> Refusal? {
        guard !isStopped else { return .stopped }
        guard entry.deadline > now else { return .expired }
        var entry = entry
        entry.arrived = now
        if entry.isExclusive {
            // It could not begin before that call returns, and would hold all others back until then.
            guard hungLanes == 0 else { return .besideHang }
            guard exclusive.count < limits.upkeepPlaces else { return .saturated(retryAfter: entry.patience) }
            exclusive.append(entry)
            return nil
        }
        if let refusal = refusal(entry, now: now) { return refusal }
        if entry.workClass == .tls { tls.append(entry) } else { minting.append(entry) }
        return nil
    }

    /// A lane that has to be woken for what waits; call until nil.
    mutating func popWake() -> Int? {
        let runnable: Int
        if isStopped {
            runnable = .max
        } else if isHeldBack {
            runnable = mayBeginExclusive ? 1 : 0
        } else {
            runnable = minting.count + tls.count
        }
        guard runnable > waking, let lane = idle.popLast() else { return nil }
        lanes[lane] = .waking
        waking += 1
        return lane
    }

    /// What a lane does next; it asks when it started, when it was woken and after each piece of work.
    mutating func next(for lane: Int, now: Int64) -> Assignment {
        switch lanes[lane] {
        case .waking: waking -= 1
        case nil: return .leave
        default: break
        }
        guard !isStopped else {
            lanes[lane] = nil
            return .leave
        }
        lanes[lane] = .free
        guard let entry = choose() else {
            lanes[lane] = .idle
            idle.append(lane)
            return .park
        }
        guard canStillServe(entry, now: now) else { return .drop(entry.work) }
        if entry.isExclusive { exclusiveLane = lane }
        let isContended = entry.workClass == .tls ? !minting.isEmpty : !tls.isEmpty
        let charge = isContended ? estimates[entry.kind.rawValue].mean : nil
        if let charge { account(charge, for: entry.workClass) }
        lanes[lane] = .busy(Running(entry: entry, started: now, heard: now, isOwed: true, charged: charge))
        return .run(entry.work)
    }

    /// A call of a lane has returned, and its work goes on: patience is for each call, not for all that work takes.
    mutating func heard(of lane: Int, now: Int64) {
        guard case .busy(var running) = lanes[lane] else { return }
        running.heard = now
        lanes[lane] = .busy(running)
    }

    /// Ends a piece of work; only one that succeeded teaches how long its kind takes.
    mutating func finish(_ lane: Int, now: Int64, succeeded: Bool) -> Conclusion {
        guard case .busy(let running) = lanes[lane] else { return .writtenOff }
        lanes[lane] = .free
        if exclusiveLane == lane { exclusiveLane = nil }
        let elapsed = now - running.started
        if succeeded { estimates[running.entry.kind.rawValue].add(elapsed) }
        if let charged = running.charged { account(Double(elapsed) - charged, for: running.entry.workClass) }
        guard running.isOwed else { return .told }
        return now < running.entry.deadline ? .owed : .late
    }

    /// A lane comes back from a call that may have hung: true when it is wanted, or was never written off.
    mutating func readmit(_ lane: Int, wanted: Int) -> Bool {
        guard case .writtenOff = lanes[lane] else { return true }
        guard !isStopped, activeLanes < wanted else {
            lanes[lane] = nil
            return false
        }
        lanes[lane] = .free
        return true
    }

    /// A lane's thread could not be started.
    mutating func removeLane(_ lane: Int) { lanes[lane] = nil }

    /// Takes out all work that passed its deadline, waiting or running: its callers are told now.
    mutating func expire(now: Int64) -> [Work] {
        var gone = minting.remove { $0.deadline <= now } + tls.remove { $0.deadline <= now }
        gone += exclusive.remove { $0.deadline <= now }
        var works = gone.map(\.work)
        for (lane, state) in lanes {
            guard case .busy(var running) = state, running.isOwed, running.entry.deadline <= now else { continue }
            running.isOwed = false
            lanes[lane] = .busy(running)
            works.append(running.entry.work)
        }
        return works
    }

    /// Writes off lanes that have not returned in time; with each the work it still owes.
    mutating func writeOff(now: Int64, startPatience: Int64) -> [(lane: Int, owed: Work?)] {
        var hung: [(lane: Int, owed: Work?)] = []
        for (lane, state) in lanes {
            switch state {
            case .busy(let running) where now - running.heard >= running.entry.patience:
                hung.append((lane, running.isOwed ? running.entry.work : nil))
            case .starting(let since) where now - since >= startPatience:
                hung.append((lane, nil))
            default: continue
            }
            if exclusiveLane == lane { exclusiveLane = nil }
            lanes[lane] = .writtenOff
        }
        return hung
    }

    /// Takes out the work that must be alone, while a call hangs: its callers are told now.
    mutating func withdrawExclusive() -> [Work] {
        guard !exclusive.isEmpty, hungLanes > 0 else { return [] }
        return exclusive.remove { _ in true }.map(\.work)
    }

    /// Takes out everything that waits.
    mutating func drain() -> [Work] {
        let all = minting.remove { _ in true } + tls.remove { _ in true } + exclusive.remove { _ in true }
        return all.map(\.work)
    }

    /// From now on nothing is let in, and lanes that ask for work leave.
    mutating func stop() { isStopped = true }
}
