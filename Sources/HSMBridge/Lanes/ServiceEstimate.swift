/// How long a piece of work of one kind takes: an exponentially weighted mean and mean deviation, in nanoseconds.
///
/// Kept as TCP keeps its round-trip times (RFC 6298 section 2), for the same reason: a promise needs the spread as well.
struct ServiceEstimate: Sendable, Equatable {
    private static let meanWeight = 0.125
    private static let deviationWeight = 0.25

    /// Zero until there is a sample, so that the first of its kind is always let in.
    private(set) var mean: Double = 0
    /// How far samples are from the mean.
    private(set) var deviation: Double = 0
    private var previous: Double = 0

    /// What a piece of work is reckoned at where others are promised something on the strength of it.
    var prudent: Double { mean + deviation }

    mutating func add(_ sample: Int64) {
        let sample = Double(max(0, sample))
        if mean == 0 {
            mean = sample
            deviation = sample / 2
        } else if sample > 2 * mean && previous > 2 * mean {
            // One may be an accident; two in a row are another speed, and what waits has to hear of it.
            mean = min(sample, previous)
            deviation = abs(sample - previous)
        } else {
            let error = sample - mean
            mean += Self.meanWeight * error
            deviation += Self.deviationWeight * (abs(error) - deviation)
        }
        previous = sample
    }

    /// How much longer work that began `elapsed` nanoseconds ago will take.
    ///
    /// Work that is far past its mean is stuck: the best guess is that it takes as long again as it has taken.
    func remaining(after elapsed: Int64) -> Double {
        isPast(elapsed) ? Double(elapsed) : max(0, mean - Double(elapsed))
    }

    /// Whether work that began `elapsed` nanoseconds ago is far past its mean.
    func isPast(_ elapsed: Int64) -> Bool { Double(elapsed) > 2 * mean }
}
