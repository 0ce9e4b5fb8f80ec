import Foundation
import StrictEncoding
import Testing

@testable import VaultAppliance

/// Who was first: one place decides, however many ask at once.
@Suite struct ReplayCacheTests {
    private static let now = UnixTime(seconds: 1_764_000_000)

    /// More with `VAULT_REPLAY_ROUNDS`, for figures.
    private static let rounds = ProcessInfo.processInfo.environment["VAULT_REPLAY_ROUNDS"].flatMap { Int($0) } ?? 500

    private func use(_ identifier: String, by issuer: String = "gateway") -> ReplayCache.Use {
        ReplayCache.Use(.assertion, issuer: issuer, identifier: identifier)
    }

    @Test func oneOfSixteenWinsEveryTime() async {
        let cache = ReplayCache(capacity: 2 * Self.rounds)
        for round in 0..<Self.rounds {
            let winners = await withTaskGroup(of: Bool.self) { tasks in
                for _ in 0..<16 {
                    tasks.addTask {
                        cache.consume(
                            use("\(round)"), of: "gateway", acceptableUntil: Self.now.seconds + 60, now: Self.now)
                            == .first
                    }
                }
                return await tasks.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(winners == 1)
        }
        #expect(cache.count == Self.rounds)
    }

    @Test func namesAreOfWhoeverGaveThem() {
        let cache = ReplayCache(capacity: 16)
        func consume(_ use: ReplayCache.Use) -> ReplayCache.Outcome {
            cache.consume(use, of: "gateway", acceptableUntil: Self.now.seconds + 60, now: Self.now)
        }
        #expect(consume(use("c", by: "ab")) == .first)
        #expect(consume(use("bc", by: "a")) == .first)
        #expect(consume(use("c", by: "a")) == .first)
        #expect(consume(ReplayCache.Use(.proof, issuer: "a", identifier: "c")) == .first)
        #expect(consume(use("c", by: "ab")) == .used)
    }

    @Test func anEntryIsKeptToItsLastSecondAndNoLonger() {
        let cache = ReplayCache(capacity: 16)
        let last = Self.now.seconds + 60
        #expect(cache.consume(use("a"), of: "gateway", acceptableUntil: last, now: Self.now) == .first)
        #expect(cache.consume(use("a"), of: "gateway", acceptableUntil: last, now: UnixTime(seconds: last)) == .used)
        #expect(cache.count == 1)
        _ = cache.consume(use("b"), of: "gateway", acceptableUntil: last + 9, now: UnixTime(seconds: last + 1))
        #expect(cache.count == 1)
    }

    @Test func oneClientLeavesOthersTheirRoom() {
        let cache = ReplayCache(capacity: 160)
        func consume(_ identifier: Int, of client: String) -> ReplayCache.Outcome {
            cache.consume(
                use("\(identifier)", by: client), of: client, acceptableUntil: Self.now.seconds + 10, now: Self.now)
        }
        // Alone it may have nearly all.
        #expect((0..<120).allSatisfy { consume($0, of: "greedy") == .first })
        #expect(consume(120, of: "greedy") == .full(retryAfter: 11))
        for client in ["a", "b", "c", "d"] {
            #expect((0..<10).allSatisfy { consume($0, of: client) == .first }, "\(client)")
            #expect(consume(10, of: client) == .full(retryAfter: 11))
        }
        // What is forgotten is nobody's share any more.
        let later = Self.now.adding(seconds: 11)
        #expect(
            cache.consume(use("x"), of: "greedy", acceptableUntil: later.seconds + 1, now: later) == .first
                && cache.count == 1)
    }

    @Test func aFullCacheRefusesAndForgetsNothing() {
        let cache = ReplayCache(capacity: 3)
        for name in ["a", "b", "c"] {
            #expect(
                cache.consume(use(name), of: "gateway", acceptableUntil: Self.now.seconds + 10, now: Self.now) == .first
            )
        }
        #expect(
            cache.consume(use("d"), of: "gateway", acceptableUntil: Self.now.seconds + 99, now: Self.now)
                == .full(retryAfter: 11))
        #expect(cache.consume(use("a"), of: "gateway", acceptableUntil: Self.now.seconds + 10, now: Self.now) == .used)
        let later = Self.now.adding(seconds: 11)
        #expect(cache.consume(use("d"), of: "gateway", acceptableUntil: Self.now.seconds + 99, now: later) == .first)
        #expect(cache.count == 1)
    }

    @Test func aClockThatRunsBackwardsRevivesNothing() {
        let cache = ReplayCache(capacity: 16)
        let last = Self.now.seconds + 10
        #expect(cache.consume(use("a"), of: "gateway", acceptableUntil: last, now: Self.now) == .first)
        _ = cache.consume(use("b"), of: "gateway", acceptableUntil: last + 99, now: UnixTime(seconds: last + 1))
        // Forgotten by now; the clock goes back to where it would be acceptable again.
        #expect(cache.consume(use("a"), of: "gateway", acceptableUntil: last, now: Self.now) == .used)
        #expect(cache.consume(use("c"), of: "gateway", acceptableUntil: last + 5, now: Self.now) == .first)
    }

    @Test func aClockThatJumpsFarAheadAndBackAgainLeavesTheCacheInUse() {
        let cache = ReplayCache(capacity: 2)
        let last = Self.now.seconds + 10
        #expect(cache.consume(use("a"), of: "gateway", acceptableUntil: last, now: Self.now) == .first)
        let ahead = Self.now.adding(seconds: 10 * 365 * 86_400)
        #expect(cache.consume(use("late"), of: "gateway", acceptableUntil: last, now: ahead) == .used)
        #expect(cache.count == 0)
        // What was forgotten stays used; what ends later was never seen.
        #expect(cache.consume(use("a"), of: "gateway", acceptableUntil: last, now: Self.now) == .used)
        #expect(cache.consume(use("b"), of: "gateway", acceptableUntil: last + 1, now: Self.now) == .first)
        #expect(cache.consume(use("b"), of: "gateway", acceptableUntil: last + 1, now: Self.now) == .used)
        // And what ends is still forgotten.
        #expect(
            cache.consume(use("c"), of: "gateway", acceptableUntil: last + 9, now: UnixTime(seconds: last + 2))
                == .first)
        #expect(cache.count == 1)
    }
}
