import Testing

@testable import AuditLog

@Suite struct SignerPaceTests {
    @Test func theLeastOfTheLastFiveCounts() {
        var pace = SignerPace()
        for seconds in [9, 3, 7, 5] {
            pace.record(.seconds(seconds))
            #expect(pace.latency == .zero, "with fewer than five the signer is taken for a quick one")
        }
        pace.record(.seconds(8))
        #expect(pace.latency == .seconds(3))
        pace.record(.seconds(8))
        #expect(pace.latency == .seconds(3))
        pace.record(.seconds(8))
        #expect(pace.latency == .seconds(5), "the second of seven has left the window")
    }
}
