import Synchronization

/// The metrics of a process, and their text for Prometheus.
///
/// Counters are atomics; gauges and histograms have one short lock each. The registry's own lock is taken only to
/// register a metric and to print.
package final class MetricsRegistry: Sendable {
    private struct Registered: Sendable {
        let kind: String
        let help: String
        let family: any Sendable
        let write: @Sendable (inout MetricsText) -> Void
    }
    private let registered = Mutex<[String: Registered]>([:])

    /// An empty registry.
    package init() {}

    /// A count that only grows; names end in `_total`.
    package func counter(_ name: String, _ help: String, labels: [String] = []) -> MetricFamily<Counter> {
        register("counter", name, help, labels) { Counter() }
    }

    /// A value that goes up and down.
    package func gauge(_ name: String, _ help: String, labels: [String] = []) -> MetricFamily<Gauge> {
        register("gauge", name, help, labels) { Gauge() }
    }

    /// A distribution over fixed buckets, given by their upper bounds in rising order.
    package func histogram(
        _ name: String, _ help: String, labels: [String] = [], buckets: [Double] = BucketHistogram.latencyBuckets
    ) -> MetricFamily<BucketHistogram> {
        register("histogram", name, help, labels) { BucketHistogram(buckets: buckets) }
    }

    /// What a followed family counts.
    package enum Kind: String, Sendable {
        case counter, gauge
    }

    /// A family whose series are asked for whenever it is printed; `read` must not wait.
    ///
    /// What `read` does not give is not printed: rather none than a value that was true once. A second call for a name takes
    /// the place of the first.
    package func follow(
        _ kind: Kind, _ name: String, _ help: String, labels: [String] = [],
        read: @escaping @Sendable () -> [(labels: [String], value: Double)]
    ) {
        registered.withLock { registered in
            precondition(registered[name].map { $0.family is Kind } ?? true, "\(name) is registered otherwise")
            registered[name] = Registered(kind: kind.rawValue, help: help, family: kind) { text in
                for series in read().sorted(by: { $0.labels.lexicographicallyPrecedes($1.labels) }) {
                    text.sample(name, Array(zip(labels, series.labels)), MetricsText.number(series.value))
                }
            }
        }
    }

    /// All metrics in the text format 0.0.4, families in order of name.
    package func exposition() -> [UInt8] {
        let families = registered.withLock { $0 }.sorted { $0.key < $1.key }
        var text = MetricsText()
        for (name, family) in families {
            text.header(name: name, kind: family.kind, help: family.help)
            family.write(&text)
        }
        return text.bytes
    }

    /// The family of that name, made now or by an earlier call; two kinds under one name are a programmer's error.
    private func register<Series: Metric>(
        _ kind: String, _ name: String, _ help: String, _ labels: [String], make: @escaping @Sendable () -> Series
    ) -> MetricFamily<Series> {
        registered.withLock { registered in
            if let known = registered[name] {
                guard let family = known.family as? MetricFamily<Series>, family.labels == labels else {
                    preconditionFailure("metric \(name) is registered with another kind or other labels")
                }
                return family
            }
            let family = MetricFamily(name: name, labels: labels, make: make)
            registered[name] = Registered(kind: kind, help: help, family: family) { family.write(into: &$0) }
            return family
        }
    }
}
