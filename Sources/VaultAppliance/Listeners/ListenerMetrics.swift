import StrictEncoding

/// What one listener counts.
struct ListenerMetrics: Sendable {
    /// How a TLS handshake ended.
    enum Handshake: String, CaseIterable {
        case completed
        /// The client's fault: no common version, a bad certificate, a closed connection.
        case failed
        /// The core did not sign.
        case keyFailed = "key_failed"
        case timedOut = "timed_out"
    }

    private let listener: String
    private let requests: MetricFamily<Counter>
    private let latency: BucketHistogram
    private let handshakes: [Handshake: Counter]
    private let refused: Counter
    private let connections: Gauge
    private let certificateEnd: MetricFamily<Gauge>

    /// The metrics of the listener of that name.
    init(_ listener: String, _ registry: MetricsRegistry, isTLS: Bool = true) {
        self.listener = listener
        requests = registry.counter(
            "vault_http_requests_total", "Answered requests.", labels: ["listener", "route", "status"])
        latency = registry.histogram(
            "vault_http_request_seconds", "Time from a request's header to its answer.", labels: ["listener"]
        ).with(listener)
        let ends = registry.counter(
            "vault_tls_handshakes_total", "TLS handshakes by how they ended.", labels: ["listener", "outcome"])
        handshakes = Dictionary(
            uniqueKeysWithValues: (isTLS ? Handshake.allCases : []).map { ($0, ends.with(listener, $0.rawValue)) })
        refused = registry.counter(
            "vault_connections_refused_total", "Connections closed at once because of a limit.", labels: ["listener"]
        ).with(listener)
        connections = registry.gauge("vault_connections", "Open connections.", labels: ["listener"]).with(listener)
        certificateEnd = registry.gauge(
            "vault_tls_certificate_not_after_seconds", "When the listener's certificate expires, in Unix time.",
            labels: ["listener"])
    }

    /// Counts an answer.
    func request(route: String, status: Int, took duration: Duration) {
        requests.with(listener, route, String(status)).increment()
        latency.observe(duration)
    }

    /// Counts the end of a handshake.
    func handshake(_ outcome: Handshake) { handshakes[outcome]?.increment() }

    /// Counts a connection that a limit closed.
    func refusedConnection() { refused.increment() }

    /// Says where the number of open connections is to be had.
    func countConnections(_ read: @escaping @Sendable () -> Int) { connections.follow { Double(read()) } }

    /// Says which certificate's end to show.
    func follow(_ identity: TLSIdentity) {
        certificateEnd.with(listener).follow { Double(identity.leaf.notAfter.seconds) }
    }
}
