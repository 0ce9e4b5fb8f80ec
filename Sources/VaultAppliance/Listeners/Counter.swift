import Synchronization

/// A count that only grows.
package final class Counter: Metric {
    private let count = Atomic<UInt64>(0)

    /// Counts once, or `amount` times.
    package func increment(by amount: UInt64 = 1) { count.wrappingAdd(amount, ordering: .relaxed) }

    /// The count so far.
    package var value: UInt64 { count.load(ordering: .relaxed) }

    /// Prints the count.
    package func write(name: String, labels: [(String, String)], into text: inout MetricsText) {
        text.sample(name, labels, String(value))
    }
}
