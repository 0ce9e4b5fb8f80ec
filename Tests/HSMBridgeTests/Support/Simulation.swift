@testable import HSMBridge

/// A scheduler behind a reference, so that an expectation can contain a call that changes it.
final class Desk {
    var state: LaneScheduler<Int>

    init(capacity: Int) { state = LaneScheduler(limits: .init(capacity: capacity)) }

    func admit(_ entry: LaneScheduler<Int>.Entry, now: Int64) -> LaneScheduler<Int>.Refusal? {
        state.admit(entry, now: now)
    }
    func addLane(now: Int64) -> Int { state.addLane(now: now) }
    func addLane(now: Int64, wanted: Int) -> Int? { state.addLane(now: now, wanted: wanted) }
    func withdrawExclusive() -> [Int] { state.withdrawExclusive() }
    func heard(of lane: Int, now: Int64) { state.heard(of: lane, now: now) }
    func popWake() -> Int? { state.popWake() }
    func next(for lane: Int, now: Int64) -> LaneScheduler<Int>.Assignment { state.next(for: lane, now: now) }
    func finish(_ lane: Int, now: Int64, succeeded: Bool) -> LaneScheduler<Int>.Conclusion {
        state.finish(lane, now: now, succeeded: succeeded)
    }
    func expire(now: Int64) -> [Int] { state.expire(now: now) }
    func writeOff(now: Int64, startPatience: Int64) -> [(lane: Int, owed: Int?)] {
        state.writeOff(now: now, startPatience: startPatience)
    }
    func readmit(_ lane: Int, wanted: Int) -> Bool { state.readmit(lane, wanted: wanted) }
    func shed(now: Int64) -> [(work: Int, refusal: LaneScheduler<Int>.Refusal)] { state.shed(now: now) }
    func stop() { state.stop() }
    func drain() -> [Int] { state.drain() }
}

/// Lanes without threads: always ends the piece of work that is done first.
struct Simulation {
    var scheduler: LaneScheduler<Int>
    var now: Int64 = 0
    private var running: [Int: (work: Int, started: Int64, ends: Int64)] = [:]

    init(scheduler: LaneScheduler<Int>, lanes: Int) { self.scheduler = scheduler }

    /// Ends the next piece of work, and begins what follows it.
    mutating func step(
        takes duration: (Int) -> Int64
    ) -> (work: Int, elapsed: Int64, conclusion: LaneScheduler<Int>.Conclusion)? {
        while let lane = scheduler.popWake() { start(lane, duration) }
        guard let first = running.min(by: { ($0.value.ends, $0.key) < ($1.value.ends, $1.key) }) else { return nil }
        now = first.value.ends
        running[first.key] = nil
        let conclusion = scheduler.finish(first.key, now: now, succeeded: true)
        start(first.key, duration)
        return (first.value.work, now - first.value.started, conclusion)
    }

    private mutating func start(_ lane: Int, _ duration: (Int) -> Int64) {
        switch scheduler.next(for: lane, now: now) {
        case .run(let work): running[lane] = (work, now, now + duration(work))
        case .drop: start(lane, duration)
        case .park, .leave: break
        }
    }
}
