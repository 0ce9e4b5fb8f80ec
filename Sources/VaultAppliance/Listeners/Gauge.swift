import Synchronization

/// A value that goes up and down, set by whoever knows it or asked for when it is printed.
package final class Gauge: Metric {
    private enum Source {
        case value(Double)
        case closure(@Sendable () -> Double)
    }
    private let source = Mutex(Source.value(0))

    /// Sets the value.
    package func set(_ value: Double) { source.withLock { $0 = .value(value) } }

    /// Asks `read` for the value each time it is printed; it must not wait.
    package func follow(_ read: @escaping @Sendable () -> Double) { source.withLock { $0 = .closure(read) } }

    /// The value now.
    package var value: Double {
        switch source.withLock({ $0 }) {
        case .value(let value): value
        case .closure(let read): read()
        }
    }

    /// Prints the value.
    package func write(name: String, labels: [(String, String)], into text: inout MetricsText) {
        text.sample(name, labels, MetricsText.number(value))
    }
}
