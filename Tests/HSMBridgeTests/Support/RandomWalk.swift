@testable import HSMBridge

/// Random arrivals, ends, hangs and passing time, with a check of every rule after every step.
struct RandomWalk {
    /// Steps of time: a promise to come back is never shorter.
    static let unit: Int64 = 1_000_000

    private var random: SplitMix
    private var scheduler = LaneScheduler<Int>(limits: .init(capacity: 20, step: 40 * RandomWalk.unit))
    private var now: Int64 = 0
    private var next = 0
    private var running: [Int: Int] = [:]
    private var hung: Set<Int> = []
    private var exclusive: Set<Int> = []
    private var lastStarted: [WorkClass: Int] = [:]
    private var classes: [Int: WorkClass] = [:]
    private var deadlines: [Int: Int64] = [:]
    private(set) var admitted: Set<Int> = []
    private(set) var ended: Set<Int> = []
    private(set) var faults: [String] = []

    init(seed: UInt64) {
        random = SplitMix(state: seed)
        for _ in 0..<3 { ask(scheduler.addLane(now: 0)) }
    }

    mutating func step() {
        now += Int64(random.next() % 3) * Self.unit
        switch random.next() % 10 {
        case 0..<5: arrive()
        case 5..<8: endOne()
        case 8:
            for work in scheduler.expire(now: now) { end(work) }
            for (work, refusal) in scheduler.shed(now: now) {
                if case .saturated = refusal { end(work) } else { note("\(work) was taken out with \(refusal)") }
            }
        default: hangOrReturn()
        }
        wake()
        check()
    }

    private mutating func note(_ fault: String) { if faults.count < 3 { faults.append(fault) } }

    /// Lets everything come to its end.
    mutating func settle() {
        for _ in 0..<10_000 {
            now += Self.unit
            for lane in Array(hung) { comeBack(lane) }
            endOne()
            wake()
        }
        for work in scheduler.expire(now: .max) { end(work) }
    }

    private mutating func arrive() {
        let workClass = WorkClass.allCases[Int(random.next() % 3)]
        let isExclusive = random.next() % 50 == 0
        let entry = LaneScheduler<Int>.Entry(
            work: next, workClass: workClass, kind: WorkKind(rawValue: Int(random.next() % 6)),
            deadline: now + Int64(random.next() % 400) * Self.unit, patience: 60 * Self.unit, isExclusive: isExclusive,
            turn: random.next() % 40)
        switch scheduler.admit(entry, now: now) {
        case .saturated(let wait):
            if wait <= 0 { note("told to come back in no time") }
        case .besideHang:
            if !isExclusive || hung.isEmpty { note("\(next) was turned away for a hang") }
        case .expired, .stopped: break
        case nil:
            if isExclusive && !hung.isEmpty { note("exclusive work was let in beside a hang") }
            admitted.insert(next)
            deadlines[next] = entry.deadline
            classes[next] = workClass
            if isExclusive { exclusive.insert(next) }
        }
        next += 1
    }

    private mutating func endOne() {
        let candidates = running.keys.filter { !hung.contains($0) }.sorted()
        guard !candidates.isEmpty else { return }
        let lane = candidates[Int(random.next() % UInt64(candidates.count))]
        guard let work = running.removeValue(forKey: lane) else { return }
        switch scheduler.finish(lane, now: now, succeeded: random.next() % 5 != 0) {
        case .owed:
            if let deadline = deadlines[work], deadline <= now { note("\(work) was served past its deadline") }
            end(work)
        case .late: end(work)
        case .told: break
        case .writtenOff: note("a lane that was not written off is said to be")
        }
        ask(lane)
    }

    private mutating func hangOrReturn() {
        if random.next() % 2 == 0, let lane = hung.min() {
            comeBack(lane)
            return
        }
        now += 61 * Self.unit
        for (lane, owed) in scheduler.writeOff(now: now, startPatience: 60 * Self.unit) {
            hung.insert(lane)
            if let owed { end(owed) }
            for work in scheduler.withdrawExclusive() { end(work) }
            if hung.count <= 4 { ask(scheduler.addLane(now: now)) }
        }
    }

    private mutating func comeBack(_ lane: Int) {
        hung.remove(lane)
        running[lane] = nil
        if scheduler.finish(lane, now: now, succeeded: true) != .writtenOff { note("a hung lane finished") }
        if scheduler.readmit(lane, wanted: 3) { ask(lane) }
    }

    private mutating func ask(_ lane: Int) {
        let work: Int
        switch scheduler.next(for: lane, now: now) {
        case .run(let next): work = next
        case .drop(let late):
            end(late)
            return ask(lane)
        case .park, .leave: return
        }
        if running[lane] != nil { note("lane \(lane) runs two") }
        running[lane] = work
        let others = running.filter { $0.key != lane }
        if exclusive.contains(work) && !others.isEmpty { note("exclusive work beside other work") }
        if others.values.contains(where: { exclusive.contains($0) && !hung.contains(where: { running[$0] == work }) })
            && others.contains(where: { exclusive.contains($0.value) && !hung.contains($0.key) })
        {
            note("work beside exclusive work")
        }
        guard !exclusive.contains(work), let workClass = classes[work] else { return }
        let line: WorkClass = workClass == .tls ? .tls : .minting
        if let last = lastStarted[line], last > work { note("\(work) ran after \(last)") }
        lastStarted[line] = work
    }

    private mutating func wake() { while let lane = scheduler.popWake() { ask(lane) } }

    private mutating func end(_ work: Int) {
        if !ended.insert(work).inserted { note("\(work) ended twice") }
    }

    private mutating func check() {
        if scheduler.minting.count > 36 || scheduler.tls.count > 5 { note("the queue overflowed") }
        let isBlocked =
            running.contains { exclusive.contains($0.value) }
            || (hung.isEmpty && !scheduler.exclusive.isEmpty)
        let idle = scheduler.lanes.values.contains { if case .idle = $0 { true } else { false } }
        if !isBlocked && idle && scheduler.depth > 0 { note("work waits beside an idle lane") }
    }
}

/// A small generator of random numbers that tests can seed (Steele, Lea, Flood: SplitMix64, 2014).
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
