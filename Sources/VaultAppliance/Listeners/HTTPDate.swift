import StrictEncoding
import Synchronization

/// The `Date` field: an IMF-fixdate, made once a second.
///
/// Source: RFC 9110 section 5.6.7.
final class HTTPDate: Sendable {
    private let last = Mutex((seconds: Int64.min, text: ""))
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// The text of a moment.
    func string(_ now: UnixTime) -> String {
        let seconds = now.seconds
        return last.withLock { last in
            if last.seconds != seconds { last = (seconds, Self.format(now)) }
            return last.text
        }
    }

    /// Rearranges RFC 3339, whose fields stand at fixed places.
    private static func format(_ time: UnixTime) -> String {
        let text = Array(time.rfc3339.utf8)
        func part(_ range: Range<Int>) -> String { String(decoding: text[range], as: UTF8.self) }
        // 1970-01-01 was a Thursday.
        let day = Int((time.seconds / 86_400) % 7 + 7) % 7
        let month = (Int(part(5..<7)) ?? 1) - 1
        return "\(days[day]), \(part(8..<10)) \(months[month]) \(part(0..<4)) \(part(11..<19)) GMT"
    }
}
