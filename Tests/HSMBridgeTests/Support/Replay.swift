@testable import HSMBridge

/// What becomes of a scheduler when nothing else comes and every piece of work takes as long as is estimated.
struct Replay {
    var scheduler: LaneScheduler<Int>
    private var now: Int64
    /// When each lane's work ends; a lane may have begun before this replay.
    private var ends: [Int: Int64] = [:]

    init(scheduler: LaneScheduler<Int>, now: Int64) {
        self.scheduler = scheduler
        self.now = now
        for (lane, state) in scheduler.lanes {
            guard case .busy(let running) = state else { continue }
            let left = scheduler.estimates[running.entry.kind.rawValue].remaining(after: now - running.started)
            ends[lane] = now + Int64(left.rounded(.up))
        }
    }

    mutating func run(until end: Int64) {
        wake()
        while let first = ends.min(by: { ($0.value, $0.key) < ($1.value, $1.key) }), first.value <= end {
            now = first.value
            ends[first.key] = nil
            _ = scheduler.finish(first.key, now: now, succeeded: false)
            ask(first.key)
            wake()
        }
        now = end
        _ = scheduler.expire(now: end)
    }

    private mutating func wake() { while let lane = scheduler.popWake() { ask(lane) } }

    private mutating func ask(_ lane: Int) {
        switch scheduler.next(for: lane, now: now) {
        case .run(let work):
            _ = work
            guard case .busy(let running) = scheduler.lanes[lane] else { return }
            ends[lane] = now + Int64(scheduler.estimates[running.entry.kind.rawValue].mean.rounded(.up))
        case .drop: ask(lane)
        case .park, .leave: break
        }
    }
}
