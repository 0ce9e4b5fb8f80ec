import Testing

@testable import HSMBridge

/// When a second lane is woken: waking one takes as long as some signatures do.
@Suite("Waking lanes") struct LaneWakingTests {
    private typealias Scheduler = LaneScheduler<Int>

    private static let microsecond: Int64 = 1_000

    private func entry(_ work: Int, kind: Int = 0, isExclusive: Bool = false) -> Scheduler.Entry {
        Scheduler.Entry(
            work: work, workClass: .minting, kind: WorkKind(rawValue: kind), deadline: .max, patience: .max,
            isExclusive: isExclusive)
    }

    /// Two lanes, the first of which is at work of a kind that takes so long.
    private func scheduler(takes duration: Int64) throws -> (Scheduler, working: Int) {
        var scheduler = Scheduler(limits: Scheduler.Limits())
        for _ in 0..<2 {
            let lane = scheduler.addLane(now: 0)
            _ = scheduler.next(for: lane, now: 0)
        }
        if duration > 0 { for _ in 0..<100 { scheduler.estimates[0].add(duration) } }
        #expect(scheduler.admit(entry(0), now: 0) == nil)
        let woken = scheduler.popWake(force: false)
        let lane = try #require(woken, "with nobody at work somebody is woken")
        guard case .run = scheduler.next(for: lane, now: 0) else { throw TestFailure() }
        return (scheduler, lane)
    }

    private struct TestFailure: Error {}

    @Test func noneIsWokenForWhatTheOneAtWorkWillSoonHaveDone() throws {
        var (scheduler, working) = try scheduler(takes: 40 * Self.microsecond)
        for work in 1...3 {
            #expect(scheduler.admit(entry(work), now: 0) == nil)
            #expect(scheduler.popWake(force: false) == nil, "\(work) wait")
        }
        #expect(scheduler.admit(entry(4), now: 0) == nil)
        #expect(scheduler.popWake(force: false) != nil, "four take longer than a wake")
        _ = scheduler.finish(working, now: 1, succeeded: true)
        guard case .run(1) = scheduler.next(for: working, now: 1) else { throw TestFailure() }
    }

    @Test func aSlowTokensSecondLaneIsWokenAtOnce() throws {
        var (scheduler, _) = try scheduler(takes: 75_000 * Self.microsecond)
        #expect(scheduler.admit(entry(1), now: 0) == nil)
        #expect(scheduler.popWake(force: false) != nil)
    }

    @Test func ofWorkThatWasNeverDoneNobodyKnowsHowLongItTakes() throws {
        var (scheduler, _) = try scheduler(takes: 40 * Self.microsecond)
        #expect(scheduler.admit(entry(1, kind: 2), now: 0) == nil)
        #expect(scheduler.popWake(force: false) != nil)
    }

    @Test func theWatchWakesAnotherForWhatWaitsBehindALaneThatHangs() throws {
        var (scheduler, _) = try scheduler(takes: 40 * Self.microsecond)
        #expect(scheduler.admit(entry(1), now: 0) == nil)
        #expect(scheduler.popWake(force: false) == nil)
        #expect(scheduler.popWake() != nil)
    }

    @Test func exclusiveWorkAndTheEndAreNotKeptWaiting() throws {
        var (scheduler, working) = try scheduler(takes: 40 * Self.microsecond)
        _ = scheduler.finish(working, now: 1, succeeded: true)
        _ = scheduler.next(for: working, now: 1)
        #expect(scheduler.admit(entry(1, isExclusive: true), now: 1) == nil)
        #expect(scheduler.popWake(force: false) != nil)
        scheduler.stop()
        #expect(scheduler.popWake(force: false) != nil)
    }
}
