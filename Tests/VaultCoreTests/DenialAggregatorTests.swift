import AuditLog
import StrictEncoding
import Synchronization
import Testing
import VaultCore

@Suite(.timeLimit(.minutes(10))) struct DenialAggregatorTests {
    private final class Record: Sendable {
        let entries = Mutex<[Entry]>([])
    }

    private static func denial(_ client: String?, reason: String = "no rule") -> Entry {
        var entry = Entry(kind: .denied)
        entry.client = client
        entry.reason = reason
        entry.user = .init(iss: nil, sub: "mallory")
        return entry
    }

    /// Records nothing by itself within a test, unless asked otherwise: a busy machine may take long over a loop.
    private func aggregator(
        _ record: Record, burst: Double = 3, interval: Duration = .seconds(3600)
    ) -> DenialAggregator {
        DenialAggregator(
            budget: .init(rate: 0, burst: burst), interval: interval, clock: { UnixTime(seconds: 1_800_000_000) }
        ) { entry in
            record.entries.withLock { $0.append(entry) }
        }
    }

    @Test func aboveTheRateDenialsOfOneKindBecomeOneEntry() throws {
        let record = Record()
        let aggregator = aggregator(record)
        let admitted = (0..<1000).filter { _ in aggregator.admits(Self.denial("gateway")) }
        #expect(admitted.count == 3)
        #expect(record.entries.withLock { $0.isEmpty })
        aggregator.flush()
        let entry = try #require(record.entries.withLock { $0.first })
        #expect(record.entries.withLock { $0.count } == 1)
        #expect(entry.kind == .denied)
        #expect(entry.count == 997)
        #expect(entry.first == UnixTime(seconds: 1_800_000_000) && entry.last == entry.first)
        #expect(entry.client == "gateway" && entry.reason == "no rule")
        // Many users may be among them: none is named.
        #expect(entry.user == nil)
    }

    @Test func whatWasCountedIsRecordedWithoutBeingAskedFor() async throws {
        let record = Record()
        let aggregator = aggregator(record, interval: .milliseconds(50))
        for round in 1...2 {
            for _ in 0..<100 { _ = aggregator.admits(Self.denial("gateway")) }
            let counted = round * 100 - 3
            while record.entries.withLock({ $0.reduce(0) { $0 + ($1.count ?? 0) } }) < counted {
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(record.entries.withLock { $0.reduce(0) { $0 + ($1.count ?? 0) } } == counted)
        }
    }

    @Test func oneClientsFloodLeavesTheBudgetsOfOthersAlone() {
        let aggregator = aggregator(Record())
        for _ in 0..<100 { _ = aggregator.admits(Self.denial("flood")) }
        #expect(aggregator.admits(Self.denial("quiet")))
        #expect(aggregator.admits(Self.denial(nil)))
        #expect(!aggregator.admits(Self.denial("flood")))
    }

    @Test func clientsThatHaveBeenQuietMakeRoomForNewOnes() async throws {
        let aggregator = DenialAggregator(
            budget: .init(rate: 100, burst: 1), clock: { UnixTime(seconds: 1_800_000_000) }, record: { _ in })
        for number in 0..<4096 { #expect(aggregator.admits(Self.denial("client-\(number)"))) }
        try await Task.sleep(for: .milliseconds(1100))
        for number in 0..<100 { #expect(aggregator.admits(Self.denial("later-\(number)"))) }
    }

    @Test func howManyKindsAreCountedIsBoundedAndNoneIsLost() {
        let record = Record()
        let aggregator = aggregator(record, burst: 0)
        for number in 0..<5000 { #expect(!aggregator.admits(Self.denial("gateway", reason: "reason \(number)"))) }
        aggregator.flush()
        let entries = record.entries.withLock { $0 }
        #expect(entries.count == 257)
        #expect(entries.reduce(0) { $0 + ($1.count ?? 0) } == 5000)
        aggregator.flush()
        #expect(record.entries.withLock { $0.count } == 257)
    }

    @Test func howManyTheyAreIsCountedUpToWhatAnEntryCanSay() throws {
        let record = Record()
        let aggregator = aggregator(record, burst: 0)
        for count in [Int64.max, JSONValue.safeIntegers.upperBound, 1] {
            var entry = Self.denial("gateway")
            entry.count = count
            #expect(!aggregator.admits(entry))
        }
        aggregator.flush()
        let entry = try #require(record.entries.withLock { $0.first })
        #expect(entry.count == JSONValue.safeIntegers.upperBound)
        _ = try Entry(jsonBytes: entry.canonicalBytes)
    }
}
