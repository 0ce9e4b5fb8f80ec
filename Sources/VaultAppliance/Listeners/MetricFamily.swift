import Synchronization

/// One series of a family: a counter, gauge or histogram.
package protocol Metric: AnyObject, Sendable {
    /// Prints the series under its name and labels.
    func write(name: String, labels: [(String, String)], into text: inout MetricsText)
}

/// All series of one metric, told apart by the values of its labels.
package final class MetricFamily<Series: Metric>: Sendable {
    /// More sets of label values than this are counted together under `other`.
    package static var maximumSeries: Int { 200 }

    private let name: String
    /// The names of the labels.
    let labels: [String]
    private let make: @Sendable () -> Series
    private let series: Mutex<[[String]: Series]>

    /// A family; without labels it has its one series at once, so that it is printed before anything happens.
    init(name: String, labels: [String], make: @escaping @Sendable () -> Series) {
        self.name = name
        self.labels = labels
        self.make = make
        series = Mutex(labels.isEmpty ? [[]: make()] : [:])
    }

    /// The series of the given label values, in the order of the labels' names.
    package func with(_ values: String...) -> Series {
        precondition(values.count == labels.count, "a value for each label")
        return series.withLock { series in
            if let known = series[values] { return known }
            let key = series.count < Self.maximumSeries ? values : values.map { _ in "other" }
            if let known = series[key] { return known }
            let new = make()
            series[key] = new
            return new
        }
    }

    /// Prints all series in order of their label values.
    func write(into text: inout MetricsText) {
        let all = series.withLock { $0 }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        for (values, series) in all { series.write(name: name, labels: Array(zip(labels, values)), into: &text) }
    }
}
