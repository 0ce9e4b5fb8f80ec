import NIOCore
import Testing

@testable import VaultAppliance

@Suite struct RateLimitTests {
    private let start = ContinuousClock.now

    private func makeLimit(rate: Int = 2, burst: Int = 3, clients: Int = 10) -> RateLimit? {
        var limits = ListenerLimits()
        limits.requestsPerSecond = rate
        limits.burst = burst
        limits.rememberedClients = clients
        return RateLimit(limits)
    }

    private func client(_ name: Int) -> RateLimit.Client { .certificate(thumbprint: "\(name)") }

    @Test func aRateOfZeroIsNoLimit() {
        #expect(makeLimit(rate: 0) == nil)
    }

    @Test func aBurstIsAllowedAndThenTheRate() throws {
        let limit = try #require(makeLimit())
        for _ in 0..<3 { #expect(limit.take(client(1), at: start) == nil) }
        #expect(limit.take(client(1), at: start) == RetryAfter(seconds: 1))
        #expect(limit.take(client(1), at: start + .milliseconds(499)) == RetryAfter(seconds: 1))
        #expect(limit.take(client(1), at: start + .milliseconds(500)) == nil)
        #expect(limit.take(client(1), at: start + .milliseconds(500)) != nil)
        for _ in 0..<3 { #expect(limit.take(client(1), at: start + .seconds(60)) == nil) }
        #expect(limit.take(client(1), at: start + .seconds(60)) != nil)
    }

    @Test func clientsDoNotSpendEachOthersTokens() throws {
        let limit = try #require(makeLimit())
        for _ in 0..<4 { _ = limit.take(client(1), at: start) }
        #expect(limit.take(client(2), at: start) == nil)
        #expect(limit.take(.network(ClientNetwork(nil)), at: start) == nil)
    }

    @Test func theTableIsBoundedAndClientsBeyondItShareOneAllowance() throws {
        let limit = try #require(makeLimit(clients: 2))
        for name in 0..<100 { _ = limit.take(client(name), at: start) }
        #expect(limit.remembered <= 3)
        #expect(limit.take(client(1000), at: start) != nil)
        #expect(limit.take(client(0), at: start) == nil)
    }

    @Test func aClientThatWasQuietMakesRoom() throws {
        let limit = try #require(makeLimit(clients: 2))
        for name in 0..<2 { _ = limit.take(client(name), at: start) }
        let later = start + .seconds(10)
        for _ in 0..<3 { #expect(limit.take(client(7), at: later) == nil) }
        #expect(limit.take(client(7), at: later) != nil)
        #expect(limit.take(client(8), at: later) == nil)
        #expect(limit.remembered == 2)
    }
}
