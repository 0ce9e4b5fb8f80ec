import CoreProtocol

/// Figures of each PKCS#11 token, as the core last told them.
final class HSMGauges: Sendable {
    private static let figures = [
        ("lanes", "vault_hsm_lanes", "Threads that sign with the token."),
        ("lanes_written_off", "vault_hsm_lanes_written_off", "Lanes of the token lost to calls that hang."),
        ("queue_depth", "vault_hsm_queue_depth", "Signatures that wait for a lane of the token."),
        ("sessions", "vault_hsm_sessions", "Open sessions of the token's PKCS#11 library."),
        ("signatures_total", "vault_hsm_signatures", "Signatures the token has made since the core started."),
    ]

    private let ready: MetricFamily<Gauge>
    private let gauges: [(name: String, family: MetricFamily<Gauge>)]

    /// Registers the gauges.
    init(_ registry: MetricsRegistry) {
        let labels = ["token", "serial"]
        ready = registry.gauge("vault_hsm_ready", "Whether the token's keys can be expected to sign.", labels: labels)
        gauges = Self.figures.map { ($0, registry.gauge($1, $2, labels: labels)) }
    }

    /// Takes over what the core says of its tokens.
    func update(_ description: CoreDescription) {
        for token in description.tokens {
            let serial = token.serial ?? ""
            ready.with(token.label, serial).set(token.isReady ? 1 : 0)
            for (name, family) in gauges { family.with(token.label, serial).set(Double(token.figures[name] ?? 0)) }
        }
    }
}
