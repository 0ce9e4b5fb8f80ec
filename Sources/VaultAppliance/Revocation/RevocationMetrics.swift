import Minting

/// What introspection, revocation and security events count.
struct RevocationMetrics: Sendable {
    /// How a revocation ended.
    enum Outcome: String, CaseIterable {
        /// Recorded.
        case done
        /// The token was revoked already.
        case again
        /// The token was none of ours, or had expired.
        case invalid
    }

    /// What became of a pushed security event token.
    enum EventOutcome: String, CaseIterable {
        /// A user was cut off.
        case recorded
        /// It had come before, or was about a session that is over.
        case known
        /// It was about something that is not followed here.
        case ignored
        /// It was not accepted.
        case refused
        /// It could not be recorded; the transmitter will try again.
        case unavailable
    }

    private let introspections: MetricFamily<Counter>
    private let revocations: MetricFamily<Counter>
    private let events: MetricFamily<Counter>
    private let refusals: MetricFamily<Counter>

    /// Registers the counters, and gauges of what is in force.
    init(_ registry: MetricsRegistry, _ view: RevocationView) {
        introspections = registry.counter(
            "vault_introspections_total", "Introspections answered.", labels: ["active"])
        revocations = registry.counter(
            "vault_revocations_total", "Revocations answered with 200, by what became of them.", labels: ["result"])
        events = registry.counter(
            "vault_security_events_total", "Security event tokens by what became of them.", labels: ["result"])
        refusals = registry.counter(
            "vault_token_state_refused_total", "Refused introspections and revocations.", labels: ["path", "code"])
        for active in ["true", "false"] { _ = introspections.with(active) }
        for outcome in Outcome.allCases { _ = revocations.with(outcome.rawValue) }
        for outcome in EventOutcome.allCases { _ = events.with(outcome.rawValue) }
        for code in OAuthError.Code.allCases {
            for path in [RouteTable.introspectionPath, RouteTable.revocationPath] {
                _ = refusals.with(path, code.rawValue)
            }
        }
        registry.gauge("vault_revoked_tokens", "Revoked tokens that have not expired.").with()
            .follow { Double(view.counts.revoked) }
        registry.gauge("vault_cutoffs", "Cut-offs in force.").with().follow { Double(view.counts.cutOffs) }
        registry.gauge("vault_revocations_current", "Whether what is revoked is known now.").with()
            .follow { view.isCurrent ? 1 : 0 }
    }

    /// An introspection was answered.
    func introspected(isActive: Bool) { introspections.with(isActive ? "true" : "false").increment() }

    /// A revocation was answered with 200.
    func revoked(_ outcome: Outcome) { revocations.with(outcome.rawValue).increment() }

    /// A security event token was answered.
    func received(_ outcome: EventOutcome) { events.with(outcome.rawValue).increment() }

    /// An introspection or revocation was refused.
    func refused(path: String, code: String) { refusals.with(path, code).increment() }
}
