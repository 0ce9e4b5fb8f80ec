/// What client authentication counts.
struct ClientMetrics: Sendable {
    /// The ways in which clients prove themselves, as metadata names them.
    enum Method: String, Sendable, CaseIterable {
        case tlsClientAuth = "tls_client_auth"
        case privateKeyJWT = "private_key_jwt"
    }

    private let authentications: MetricFamily<Counter>
    private let replays: Counter
    private let full: Counter

    /// Registers the counters, and the fill of the replay cache.
    init(_ registry: MetricsRegistry, _ cache: ReplayCache) {
        authentications = registry.counter(
            "vault_client_authentications_total", "Requests whose client proved itself, by method.",
            labels: ["method", "dpop"])
        for method in Method.allCases {
            for proof in ["yes", "no"] { _ = authentications.with(method.rawValue, proof) }
        }
        replays = registry.counter(
            "vault_replays_refused_total", "Assertions and proofs that were used a second time."
        ).with()
        full = registry.counter(
            "vault_replay_cache_full_total", "Requests refused because the replay cache had no room."
        ).with()
        registry.gauge("vault_replay_cache_entries", "Assertions and proofs remembered as used.").with()
            .follow { Double(cache.count) }
        registry.gauge("vault_replay_cache_capacity", "How many can be remembered (limits.replay_entries).").with()
            .set(Double(cache.capacity))
    }

    /// A client proved itself.
    func authenticated(_ method: Method, hasProof: Bool) {
        authentications.with(method.rawValue, hasProof ? "yes" : "no").increment()
    }

    /// Something was used a second time.
    func replayed() { replays.increment() }

    /// There was no room to remember a use.
    func refusedForRoom() { full.increment() }
}
