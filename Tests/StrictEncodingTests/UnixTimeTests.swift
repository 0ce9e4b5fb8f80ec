import StrictEncoding
import Testing

@Suite struct UnixTimeTests {
    @Test(
        "known moments are written and read",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"), (1, "1970-01-01T00:00:00.001Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"), (1_000_000_000_000, "2001-09-09T01:46:40.000Z"),
            (1_234_567_890_123, "2009-02-13T23:31:30.123Z"), (1_764_000_000_000, "2025-11-24T16:00:00.000Z"),
            (2_147_483_647_999, "2038-01-19T03:14:07.999Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (4_107_456_000_000, "2100-02-28T00:00:00.000Z"), (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"), (-11_644_473_600_000, "1601-01-01T00:00:00.000Z"),
        ] as [(Int64, String)])
    func known(milliseconds: Int64, text: String) {
        #expect(UnixTime(milliseconds: milliseconds).rfc3339 == text)
        #expect(UnixTime(rfc3339: text) == UnixTime(milliseconds: milliseconds))
    }

    @Test func everyDayOfFourCenturiesComesBack() {
        var expected = UnixTime(milliseconds: -11_644_473_600_000 + 43_200_123)
        for _ in 0..<146_097 {
            #expect(UnixTime(rfc3339: expected.rfc3339) == expected)
            expected = expected.adding(seconds: 86_400)
        }
        #expect(expected.rfc3339 == "2001-01-01T12:00:00.123Z")
    }

    @Test(
        "any other text is refused",
        arguments: [
            "", "2025-11-24", "2025-11-24T16:00:00Z", "2025-11-24T16:00:00.0Z", "2025-11-24T16:00:00.0000Z",
            "2025-11-24t16:00:00.000Z", "2025-11-24T16:00:00.000z", "2025-11-24 16:00:00.000Z",
            "2025-11-24T16:00:00,000Z", "2025-11-24T16:00:00.000+00:00", "2025-02-29T00:00:00.000Z",
            "2100-02-29T00:00:00.000Z", "2025-04-31T00:00:00.000Z", "2025-13-01T00:00:00.000Z",
            "2025-00-01T00:00:00.000Z", "2025-01-00T00:00:00.000Z", "2025-01-32T00:00:00.000Z",
            "2025-11-24T24:00:00.000Z", "2025-11-24T16:60:00.000Z", "2025-11-24T16:00:60.000Z",
            "2025-11-24T16:00:00.0a0Z", "+025-11-24T16:00:00.000Z", "-025-11-24T16:00:00.000Z",
            "２025-11-24T16:00:00.0Z", "2025-11-24T16:00:00.000Z ", "2025-11-24T16:00:00.-01Z",
        ])
    func refused(text: String) { #expect(UnixTime(rfc3339: text) == nil) }

    @Test(
        "seconds are rounded down, before 1970 too",
        arguments: [(0, 0), (999, 0), (1000, 1), (-1, -1), (-1000, -1), (-1001, -2)] as [(Int64, Int64)])
    func seconds(milliseconds: Int64, seconds: Int64) {
        #expect(UnixTime(milliseconds: milliseconds).seconds == seconds)
    }

    @Test func textOrderIsTimeOrder() {
        let times = [-5_000, -1, 0, 1, 999, 1000, 86_400_000, 1_764_000_000_000].map { UnixTime(milliseconds: $0) }
        #expect(times == times.sorted() && times.map(\.rfc3339) == times.map(\.rfc3339).sorted())
        #expect(UnixTime(seconds: 5) == UnixTime(milliseconds: 5000))
        #expect(UnixTime(seconds: 5).adding(seconds: -6) == UnixTime(milliseconds: -1000))
    }
}
