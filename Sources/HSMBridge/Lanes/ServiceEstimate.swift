/// How long a piece of work of one kind takes: an exponentially weighted mean, in nanoseconds.
struct ServiceEstimate: Sendable, Equatable {
    /// Weight of the newest sample.
    private static let weight = 0.125

    /// Zero until there is a sample, so that the first of its kind is always let in.
    private(set) var mean: Double = 0

    mutating func add(_ sample: Int64) {
        let sample = Double(max(0, sample))
        mean = mean == 0 ? sample : mean + ServiceEstimate.weight * (sample - mean)
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
