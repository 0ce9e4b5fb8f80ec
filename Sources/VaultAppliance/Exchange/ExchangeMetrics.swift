import CoreProtocol

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

/// The core's figures, as it last told them.
enum CoreFigures {
    private static let help = [
        "log_size": "Entries of the audit log.",
        "log_checkpoint_size": "Entries under the last signed checkpoint.",
        "log_disk_days_left": "Days the audit log's disk lasts at the present pace; -1 while that cannot be told.",
        "log_shard": "Number of the shard of the audit log that is written.",
        "log_checkpoint_keys_failing": "Checkpoint keys that did not sign the last checkpoint.",
        "log_witnessed_size": "Entries under the last checkpoint with a quorum of cosignatures; 0 without witnesses.",
        "log_witness_lag_seconds": "For how long there has been a checkpoint without a quorum of cosignatures.",
        "log_syncs": "Syncs that made entries durable since the core started or the shard was begun.",
        "log_sync_microseconds": "How long a write of the audit log and its sync take, smoothed.",
        "log_disk_free_bytes": "Free bytes on the audit log's disk.",
        "hsm_lanes": "Threads that sign.",
        "hsm_lanes_written_off": "Lanes lost to calls that hang.",
        "hsm_library_restarts": "How often a PKCS#11 library was started anew to see its token again.",
        "hsm_queue_depth": "Signatures that wait for a lane.",
        "hsm_sessions": "Open PKCS#11 sessions.",
        "sealed": "Whether the core is sealed: 1 until custodians have activated it.",
        "uptime_seconds": "Time since the core started.",
    ]

    /// Registers a gauge a figure, and one for the connection itself.
    static func register(in registry: MetricsRegistry, client: CoreClient) {
        registry.gauge("vault_core_reachable", "Whether the core answers.").with()
            .follow { client.latest == nil ? 0 : 1 }
        for (name, text) in help {
            registry.gauge("vault_core_\(name)", text).with().follow { Double(client.latest?.figures[name] ?? 0) }
        }
    }
}
