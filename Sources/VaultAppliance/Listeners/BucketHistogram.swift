import Synchronization

/// A distribution over fixed buckets.
package final class BucketHistogram: Metric {
    /// Upper bounds in seconds, for requests that take from a tenth of a millisecond to ten seconds.
    package static let latencyBuckets = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]

    private struct State {
        var counts: [UInt64]
        var sum = 0.0
    }
    private let bounds: [Double]
    private let state: Mutex<State>

    /// A distribution over buckets with these upper bounds, in rising order; the one up to infinity is added.
    init(buckets: [Double]) {
        precondition(zip(buckets, buckets.dropFirst()).allSatisfy(<), "bounds rise")
        bounds = buckets
        state = Mutex(State(counts: [UInt64](repeating: 0, count: buckets.count + 1)))
    }

    /// Counts a value in the first bucket whose bound is not below it.
    package func observe(_ value: Double) {
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock {
            $0.counts[index] += 1
            $0.sum += value
        }
    }

    /// Counts a duration in seconds.
    package func observe(_ duration: Duration) { observe(duration / .seconds(1)) }

    /// Prints the cumulative buckets, the sum and the count.
    package func write(name: String, labels: [(String, String)], into text: inout MetricsText) {
        let state = state.withLock { $0 }
        var total: UInt64 = 0
        for (bound, count) in zip(bounds + [.infinity], state.counts) {
            total += count
            text.sample(name + "_bucket", labels + [("le", MetricsText.number(bound))], String(total))
        }
        text.sample(name + "_sum", labels, MetricsText.number(state.sum))
        text.sample(name + "_count", labels, String(total))
    }
}
