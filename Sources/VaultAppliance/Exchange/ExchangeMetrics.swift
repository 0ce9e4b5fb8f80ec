import Minting

/// What the exchange counts.
struct ExchangeMetrics: Sendable {
    private let grantedCounter: Counter
    private let refusals: MetricFamily<Counter>
    private let keyFailures: Counter

    /// Registers the counters.
    init(_ registry: MetricsRegistry) {
        grantedCounter = registry.counter("vault_exchange_granted_total", "Credentials released.").with()
        refusals = registry.counter(
            "vault_exchange_refused_total", "Refused exchanges by error code.", labels: ["code"])
        // Printed before anything happens: a rate sees the first one only where there was a zero.
        for code in OAuthError.Code.allCases { _ = refusals.with(code.rawValue) }
        keyFailures = registry.counter(
            "vault_exchange_key_failures_total", "Mints that a token could not sign; another token's key is tried."
        ).with()
    }

    /// A token could not sign a mint.
    func keyFailed() { keyFailures.increment() }

    /// A credential was released.
    func granted() { grantedCounter.increment() }

    /// An exchange was refused with this code of the wire.
    func refused(_ code: String) { refusals.with(code).increment() }
}
