import Testing

@testable import HSMBridge

@Suite("Lane scheduler")
struct LaneSchedulerTests {
    typealias Scheduler = LaneScheduler<Int>

    static let millisecond: Int64 = 1_000_000

    private func entry(
        _ work: Int, _ workClass: WorkClass = .minting, kind: Int = 0, deadline: Int64 = 60_000 * millisecond,
        patience: Int64 = 5_000 * millisecond, isExclusive: Bool = false, turn: UInt64 = 0
    ) -> Scheduler.Entry {
        Scheduler.Entry(
            work: work, workClass: workClass, kind: WorkKind(rawValue: kind), deadline: deadline, patience: patience,
            isExclusive: isExclusive, turn: turn)
    }

    /// A scheduler whose lanes have all asked for work once, and found none.
    private func scheduler(lanes: Int, capacity: Int = 1024) -> Desk {
        let scheduler = Desk(capacity: capacity)
        for _ in 0..<lanes {
            let lane = scheduler.addLane(now: 0)
            _ = scheduler.next(for: lane, now: 0)
        }
        return scheduler
    }

    private func work(_ assignment: Scheduler.Assignment) -> Int? {
        if case .run(let work) = assignment { work } else { nil }
    }

    /// Teaches the scheduler how long work of a kind takes.
    private func teach(_ scheduler: Desk, kind: Int = 0, takes duration: Int64) {
        for _ in 0..<100 { scheduler.state.estimates[kind].add(duration) }
    }

    @Test func workIsDoneInTheOrderItCame() throws {
        let scheduler = scheduler(lanes: 1)
        for work in 0..<5 { #expect(scheduler.admit(entry(work), now: 0) == nil) }
        let lane = try #require(scheduler.popWake())
        for expected in 0..<5 {
            #expect(work(scheduler.next(for: lane, now: 0)) == expected)
            #expect(scheduler.finish(lane, now: 1, succeeded: true) == .owed)
        }
    }

    @Test func aDeadlineThatHasPassedIsRefused() {
        let scheduler = scheduler(lanes: 1)
        #expect(scheduler.admit(entry(1, deadline: 10), now: 10) == .expired)
        #expect(scheduler.admit(entry(1, deadline: 11), now: 10) == nil)
    }

    @Test func workThatCannotMakeItsDeadlineIsRefusedAndWhatIsLetInMakesIt() throws {
        let ms = Self.millisecond
        let scheduler = scheduler(lanes: 1)
        teach(scheduler, takes: 10 * ms)
        var admitted = 0
        while scheduler.admit(entry(admitted, deadline: 200 * ms), now: 0) == nil { admitted += 1 }
        // 200 ms hold twenty answers of 10 ms; a fifth of the lane is the handshakes', and some is kept for who comes back.
        #expect(admitted > 10 && admitted < 16)
        let lane = try #require(scheduler.popWake())
        for work in 0..<admitted {
            #expect(self.work(scheduler.next(for: lane, now: Int64(work) * 10 * ms)) == work)
            #expect(scheduler.finish(lane, now: Int64(work + 1) * 10 * ms, succeeded: true) == .owed)
        }
    }

    @Test func whoIsTurnedAwayIsToldDifferentTimesAndLetInThenAheadOfOthers() throws {
        let ms = Self.millisecond
        let scheduler = scheduler(lanes: 1)
        teach(scheduler, takes: 100 * ms)
        func ask(_ turn: UInt64, at now: Int64) -> Int64? {
            switch scheduler.admit(entry(Int(turn), deadline: now + 2_000 * ms, turn: turn), now: now) {
            case nil: return nil
            case .saturated(let wait): return wait
            case let refusal:
                Issue.record("refused with \(String(describing: refusal))")
                return nil
            }
        }
        var turn: UInt64 = 1
        while ask(turn, at: 0) == nil { turn += 1 }
        let waits = (100..<140).map { ask($0, at: 0) ?? 0 }
        #expect(waits.allSatisfy { $0 > 0 && $0 % (1_000 * ms) == 0 })
        // Forty answers take four seconds: nobody is told to come when others have the place.
        #expect(Set(waits).count >= 4 && waits == waits.sorted())
        // The lane works the line off; half a second in, whoever was promised nothing is still turned away.
        let lane = try #require(scheduler.popWake())
        var now: Int64 = 0
        func work(until end: Int64) {
            while now + 100 * ms <= end, case .run = scheduler.next(for: lane, now: now) {
                now += 100 * ms
                _ = scheduler.finish(lane, now: now, succeeded: true)
            }
            now = end
        }
        var kept = 0
        for (turn, wait) in zip(UInt64(100)..., waits) {
            work(until: max(now, wait + 20 * ms))
            if ask(turn, at: now) == nil { kept += 1 }
        }
        #expect(kept == 40)
    }

    @Test func whoComesTooSoonKeepsItsTimeAndWhoComesFarTooLateHasLostIt() throws {
        let second = 1_000 * Self.millisecond
        var appointments = Appointments()
        let made = appointments.make(7, work: 1e8, patience: 1e9, level: 2e9, pace: 1, now: 0)
        #expect(made == 2 * second)
        #expect(appointments.claim(7, now: second) == .early(second))
        #expect(appointments.claim(7, now: 2 * second) == .due)
        #expect(appointments.claim(7, now: 2 * second) == .unknown)
        #expect(appointments.isEmpty)
        _ = appointments.make(8, work: 1e8, patience: 1e9, level: 2e9, pace: 1, now: 0)
        appointments.advance(to: 5 * second)
        #expect(appointments.claim(8, now: 5 * second) == .unknown && appointments.isEmpty)
        #expect(appointments.make(0, work: 1e8, patience: 1e9, level: 0, pace: 1, now: 0) == nil)
    }

    @Test("crowds that come back when they are told to", arguments: Crowd.cases)
    func crowds(setting: Crowd.Setting) {
        var crowd = Crowd(setting)
        crowd.run(seconds: 120)
        let crowdSays: Comment = "\(setting): \(crowd.tally)"
        #expect(crowd.tally.missed == 0, crowdSays)
        #expect(crowd.tally.broken * 200 <= crowd.tally.kept + crowd.tally.broken, crowdSays)
        #expect(!setting.obeys || crowd.tally.kept > 50, crowdSays)
        #expect(crowd.utilisation > 0.97, crowdSays)
    }

    @Test func aTokenThatBecomesSlowerLetsThoseGoWhomItCannotServe() throws {
        let ms = Self.millisecond
        let scheduler = scheduler(lanes: 1)
        teach(scheduler, takes: ms)
        for work in 0..<100 { #expect(scheduler.admit(entry(work, deadline: 2_000 * ms), now: 0) == nil) }
        #expect(scheduler.shed(now: 0).isEmpty)
        let lane = try #require(scheduler.popWake())
        var now: Int64 = 0
        for work in 0..<2 {
            #expect(self.work(scheduler.next(for: lane, now: now)) == work)
            now += 100 * ms
            #expect(scheduler.finish(lane, now: now, succeeded: true) == .owed)
        }
        // Two slow answers are enough: eighteen more fit, and the others hear of it now, long before their deadline.
        let gone = scheduler.shed(now: now)
        #expect(gone.map(\.work) == Array(20..<100))
        while case .run = scheduler.next(for: lane, now: now) {
            now += 100 * ms
            #expect(scheduler.finish(lane, now: now - 1, succeeded: true) == .owed)
        }
    }

    @Test("a slow lane under three times its load wastes hardly any time", arguments: [1, 2])
    func aSlowLaneWastesHardlyAnyTime(lanes: Int) {
        let ms = Self.millisecond
        var random = SplitMix(state: 7)
        var simulation = Simulation(scheduler: scheduler(lanes: lanes).state, lanes: lanes)
        var arrived: Int64 = 0
        var served = 0
        var late = 0
        while simulation.now < 600_000 * ms {
            // An answer takes 60 to 90 ms; a request comes every 25 ms for each lane, with two seconds to spare.
            while arrived <= simulation.now {
                _ = simulation.scheduler.admit(entry(0, deadline: arrived + 2_000 * ms), now: simulation.now)
                arrived += 25 * ms / Int64(lanes)
            }
            guard let done = simulation.step(takes: { _ in 60 * ms + Int64(random.next() % 30) * ms }) else { break }
            if done.conclusion == .owed { served += 1 } else { late += 1 }
        }
        #expect(served > 7_500 * lanes)
        #expect(Double(late) < 0.02 * Double(served), "\(late) of \(served + late) came too late")
    }

    @Test func whatWouldComeTooLateIsDroppedWhileOtherWorkWaits() throws {
        let ms = Self.millisecond
        let scheduler = scheduler(lanes: 1)
        for work in 0..<3 { #expect(scheduler.admit(entry(work, deadline: 100 * ms), now: 0) == nil) }
        teach(scheduler, takes: 10 * ms)
        let lane = try #require(scheduler.popWake())
        for work in 0..<2 {
            guard case .drop(work) = scheduler.next(for: lane, now: 95 * ms) else {
                Issue.record("\(work) was not dropped")
                return
            }
        }
        #expect(work(scheduler.next(for: lane, now: 95 * ms)) == 2)
    }

    @Test func anIdleLaneTakesWorkEvenAfterOneSlowAnswer() {
        let scheduler = scheduler(lanes: 1)
        teach(scheduler, takes: 10_000 * Self.millisecond)
        #expect(scheduler.admit(entry(1, deadline: Self.millisecond), now: 0) == nil)
    }

    @Test func aLaneThatIsStuckKeepsOutWhatCouldNotWaitForIt() throws {
        let ms = Self.millisecond
        let scheduler = scheduler(lanes: 1)
        teach(scheduler, takes: ms)
        #expect(scheduler.admit(entry(1), now: 0) == nil)
        _ = scheduler.next(for: try #require(scheduler.popWake()), now: 0)
        #expect(scheduler.admit(entry(2, deadline: 1_500 * ms), now: 1_000 * ms) != nil)
        #expect(scheduler.admit(entry(3, deadline: 3_500 * ms), now: 1_000 * ms) == nil)
    }

    @Test func theQueueIsBoundedWithPlacesForUpkeepAndHandshakes() {
        let scheduler = scheduler(lanes: 0, capacity: 8)
        for work in 0..<8 { #expect(scheduler.admit(entry(work), now: 0) == nil) }
        #expect(scheduler.admit(entry(8), now: 0) != nil)
        for work in 0..<16 { #expect(scheduler.admit(entry(work, .upkeep), now: 0) == nil) }
        #expect(scheduler.admit(entry(16, .upkeep), now: 0) != nil)
        for work in 0..<2 { #expect(scheduler.admit(entry(work, .tls), now: 0) == nil) }
        #expect(scheduler.admit(entry(2, .tls), now: 0) != nil)
        #expect(scheduler.state.depth == 26)
    }

    @Test(arguments: [(1, 0), (2, 0), (3, 1), (2, 1)])
    func handshakesTakeAFifthOfLaneTimeWhileMintingWaits(lanes: Int, handshakeKind: Int) {
        let ms = Self.millisecond
        let scheduler = scheduler(lanes: lanes)
        teach(scheduler, kind: 0, takes: 2 * ms)
        teach(scheduler, kind: 1, takes: 7 * ms)
        var simulation = Simulation(scheduler: scheduler.state, lanes: lanes)
        var time: [Int: Int64] = [0: 0, 1: 0]
        for step in 0..<20_000 {
            while simulation.scheduler.minting.count < 10 {
                _ = simulation.scheduler.admit(entry(0, deadline: .max), now: simulation.now)
            }
            while simulation.scheduler.tls.count < 10 {
                _ = simulation.scheduler.admit(entry(1, .tls, kind: handshakeKind, deadline: .max), now: simulation.now)
            }
            guard let done = simulation.step(takes: { $0 == 1 && handshakeKind == 1 ? 7 * ms : 2 * ms }) else {
                Issue.record("nothing ran at step \(step)")
                return
            }
            time[done.work, default: 0] += done.elapsed
        }
        let share = Double(time[1] ?? 0) / Double((time[0] ?? 0) + (time[1] ?? 0))
        #expect(share > 0.15 && share < 0.22, "handshakes took \(share)")
    }

    @Test func handshakesTakeEveryLaneWhenNothingElseWaits() {
        let scheduler = scheduler(lanes: 2)
        for work in 0..<2 { #expect(scheduler.admit(entry(work, .tls), now: 0) == nil) }
        while let lane = scheduler.popWake() { #expect(work(scheduler.next(for: lane, now: 0)) != nil) }
        #expect(scheduler.state.busyLanes == 2)
    }

    @Test func exclusiveWorkWaitsForTheOthersAndHoldsThemBack() throws {
        let scheduler = scheduler(lanes: 2)
        #expect(scheduler.admit(entry(1), now: 0) == nil)
        let first = try #require(scheduler.popWake())
        #expect(work(scheduler.next(for: first, now: 0)) == 1)
        #expect(scheduler.admit(entry(2, isExclusive: true), now: 0) == nil)
        #expect(scheduler.admit(entry(3), now: 0) == nil)
        #expect(scheduler.popWake() == nil)
        _ = scheduler.finish(first, now: 1, succeeded: true)
        #expect(work(scheduler.next(for: first, now: 1)) == 2)
        #expect(scheduler.popWake() == nil)
        _ = scheduler.finish(first, now: 2, succeeded: true)
        let second = try #require(scheduler.popWake())
        #expect(second != first)
        #expect(work(scheduler.next(for: second, now: 2)) == 3)
    }

    @Test func expiredWorkIsToldOnceWhetherItWaitsOrRuns() throws {
        let scheduler = scheduler(lanes: 1)
        #expect(scheduler.admit(entry(1, deadline: 100), now: 0) == nil)
        #expect(scheduler.admit(entry(2, deadline: 100), now: 0) == nil)
        let lane = try #require(scheduler.popWake())
        _ = scheduler.next(for: lane, now: 0)
        #expect(scheduler.expire(now: 99).isEmpty)
        #expect(Set(scheduler.expire(now: 100)) == [1, 2])
        #expect(scheduler.expire(now: 101).isEmpty)
        #expect(scheduler.finish(lane, now: 102, succeeded: true) == .told)
    }

    @Test func aResultThatComesAfterItsDeadlineIsLate() throws {
        let scheduler = scheduler(lanes: 1)
        #expect(scheduler.admit(entry(1, deadline: 100), now: 0) == nil)
        let lane = try #require(scheduler.popWake())
        _ = scheduler.next(for: lane, now: 0)
        #expect(scheduler.finish(lane, now: 100, succeeded: true) == .late)
    }

    @Test func aHungLaneIsWrittenOffAndMayReturn() throws {
        let scheduler = scheduler(lanes: 1)
        #expect(scheduler.admit(entry(1, patience: 50), now: 0) == nil)
        let lane = try #require(scheduler.popWake())
        _ = scheduler.next(for: lane, now: 0)
        #expect(scheduler.writeOff(now: 49, startPatience: 50).isEmpty)
        let hung = scheduler.writeOff(now: 50, startPatience: 50)
        #expect(hung.map(\.lane) == [lane] && hung.map(\.owed) == [1])
        #expect(scheduler.state.activeLanes == 0 && scheduler.state.hungLanes == 1)
        #expect(scheduler.writeOff(now: 99, startPatience: 50).isEmpty)
        #expect(scheduler.finish(lane, now: 100, succeeded: true) == .writtenOff)
        #expect(scheduler.readmit(lane, wanted: 1))
        #expect(scheduler.state.activeLanes == 1 && scheduler.state.hungLanes == 0)
    }

    @Test func aLaneThatReturnsWhenReplacedLeaves() throws {
        let scheduler = scheduler(lanes: 1)
        #expect(scheduler.admit(entry(1, patience: 50), now: 0) == nil)
        let lane = try #require(scheduler.popWake())
        _ = scheduler.next(for: lane, now: 0)
        _ = scheduler.writeOff(now: 50, startPatience: 50)
        _ = scheduler.addLane(now: 50)
        #expect(!scheduler.readmit(lane, wanted: 1))
        #expect(scheduler.state.activeLanes == 1 && scheduler.state.hungLanes == 0)
    }

    @Test func aLaneThatHangsWhileItOpensItsSessionIsWrittenOff() {
        let scheduler = Desk(capacity: 10)
        let lane = scheduler.addLane(now: 0)
        #expect(scheduler.writeOff(now: 50, startPatience: 50).map(\.lane) == [lane])
    }

    @Test func exclusiveWorkNeverRunsBesideAHungCall() throws {
        let scheduler = scheduler(lanes: 2)
        #expect(scheduler.admit(entry(1, patience: 50), now: 0) == nil)
        _ = scheduler.next(for: try #require(scheduler.popWake()), now: 0)
        _ = scheduler.writeOff(now: 50, startPatience: 50)
        #expect(scheduler.admit(entry(2, isExclusive: true), now: 60) == .besideHang)
        #expect(scheduler.popWake() == nil)
    }

    @Test func exclusiveWorkHoldsNobodyBackWhileACallHangs() throws {
        let scheduler = scheduler(lanes: 1)
        #expect(scheduler.admit(entry(1, patience: 50), now: 0) == nil)
        _ = scheduler.next(for: try #require(scheduler.popWake()), now: 0)
        #expect(scheduler.admit(entry(2, isExclusive: true), now: 0) == nil)
        #expect(scheduler.admit(entry(3), now: 0) == nil)
        #expect(scheduler.withdrawExclusive().isEmpty)
        _ = scheduler.writeOff(now: 50, startPatience: 50)
        // The replacement goes on with the others, before and after the work that must be alone was taken out.
        let lane = scheduler.addLane(now: 50)
        #expect(work(scheduler.next(for: lane, now: 50)) == 3)
        #expect(scheduler.finish(lane, now: 51, succeeded: true) == .owed)
        #expect(scheduler.withdrawExclusive() == [2])
        #expect(scheduler.admit(entry(4, isExclusive: true), now: 52) == .besideHang)
        #expect(scheduler.admit(entry(5), now: 52) == nil)
        #expect(work(scheduler.next(for: lane, now: 52)) == 5)
    }

    @Test func aLaneIsAddedOnlyWhereOneIsMissingStill() throws {
        let scheduler = scheduler(lanes: 1)
        #expect(scheduler.admit(entry(1, patience: 50), now: 0) == nil)
        let lane = try #require(scheduler.popWake())
        _ = scheduler.next(for: lane, now: 0)
        _ = scheduler.writeOff(now: 50, startPatience: 50)
        // It comes back between the look at the lanes and the start of its replacement.
        #expect(scheduler.readmit(lane, wanted: 1))
        #expect(scheduler.addLane(now: 51, wanted: 1) == nil)
        #expect(scheduler.state.activeLanes == 1 && scheduler.addLane(now: 51, wanted: 2) != nil)
    }

    @Test func workOfWhichCallsReturnIsNotWrittenOffHoweverLongItTakes() throws {
        let scheduler = scheduler(lanes: 1)
        #expect(scheduler.admit(entry(1, patience: 50), now: 0) == nil)
        let lane = try #require(scheduler.popWake())
        _ = scheduler.next(for: lane, now: 0)
        for now in stride(from: Int64(40), to: 400, by: 40) {
            #expect(scheduler.writeOff(now: now, startPatience: 50).isEmpty)
            scheduler.heard(of: lane, now: now)
        }
        #expect(scheduler.state.busySince == 0)
        #expect(scheduler.writeOff(now: 410, startPatience: 50).map(\.lane) == [lane])
        #expect(scheduler.state.busySince == nil)
    }

    @Test func stoppedLanesLeaveAndNothingIsLetIn() throws {
        let scheduler = scheduler(lanes: 2)
        #expect(scheduler.admit(entry(1), now: 0) == nil)
        scheduler.stop()
        #expect(scheduler.drain() == [1])
        #expect(scheduler.admit(entry(2), now: 0) == .stopped)
        for _ in 0..<2 {
            let lane = try #require(scheduler.popWake())
            guard case .leave = scheduler.next(for: lane, now: 0) else {
                Issue.record("a lane stayed")
                return
            }
        }
        #expect(scheduler.state.lanes.isEmpty)
    }

    @Test("whatever happens, all work let in is run or reported exactly once", arguments: 0..<40)
    func everyWorkHasOneEnd(seed: Int) {
        var walk = RandomWalk(seed: UInt64(seed))
        for _ in 0..<3_000 { walk.step() }
        walk.settle()
        #expect(walk.faults == [])
        #expect(walk.ended == walk.admitted)
        #expect(walk.admitted.count > 100)
    }
}
