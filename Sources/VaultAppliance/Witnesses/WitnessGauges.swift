import CoreProtocol

/// Figures of each witness of the log, as the core last told them.
final class WitnessGauges: Sendable {
    private let size: MetricFamily<Gauge>
    private let lag: MetricFamily<Gauge>
    private let failing: MetricFamily<Gauge>

    /// Registers the gauges.
    init(_ registry: MetricsRegistry) {
        let labels = ["witness"]
        size = registry.gauge(
            "vault_log_witness_size", "Entries of the present shard that the witness has cosigned.", labels: labels)
        lag = registry.gauge(
            "vault_log_witness_lag_seconds", "For how long there has been a checkpoint it has not cosigned.",
            labels: labels)
        failing = registry.gauge(
            "vault_log_witness_failing", "Whether it did not cosign when it was last asked.", labels: labels)
    }

    /// Takes over what the core says of its witnesses.
    func update(_ description: CoreDescription) {
        for witness in description.witnesses {
            size.with(witness.name).set(Double(witness.size))
            lag.with(witness.name).set(Double(witness.lag))
            failing.with(witness.name).set(witness.problem == nil ? 0 : 1)
        }
    }
}
