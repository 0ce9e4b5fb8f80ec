import CoreProtocol

/// What the core last told of itself, its tokens, its keys and its witnesses.
///
/// While it does not answer there is none of it: a value of before would be taken for one of now.
enum CoreMetrics {
    private struct Figure: Sendable {
        let key: String
        var name: String
        var kind = MetricsRegistry.Kind.gauge
        var scale = 1.0
        let help: String

        init(_ key: String, _ help: String, total: Bool = false) {
            self.key = key
            self.help = help
            name = "vault_core_\(key)"
            if total { (name, kind) = (name + "_total", .counter) }
        }
    }

    private static var figures: [Figure] {
        var sync = Figure("log_sync_microseconds", "How long a write of the audit log and its sync take, smoothed.")
        (sync.name, sync.scale) = ("vault_core_log_sync_seconds", 1e-6)
        return [
            Figure("log_size", "Entries of the audit log."),
            Figure("log_checkpoint_size", "Entries under the last signed checkpoint."),
            Figure(
                "log_disk_days_left",
                "Days the audit log's disk lasts at the present pace; -1 while that cannot be told."),
            Figure("log_shard", "Number of the shard of the audit log that is written."),
            Figure("log_checkpoint_keys_failing", "Checkpoint keys that did not sign the last checkpoint."),
            Figure(
                "log_witnessed_size",
                "Entries under the last checkpoint with a quorum of cosignatures; 0 without witnesses."),
            Figure(
                "log_witness_lag_seconds",
                "For how long there has been a checkpoint without a quorum of cosignatures."),
            Figure(
                "log_syncs", "Syncs that made entries durable since the core started or the shard was begun.",
                total: true),
            sync, Figure("log_disk_free_bytes", "Free bytes on the audit log's disk."),
            Figure("hsm_lanes", "Threads that sign."),
            Figure("hsm_lanes_written_off", "Lanes lost to calls that hang."),
            Figure(
                "hsm_library_restarts", "How often a PKCS#11 library was started anew to see its token again.",
                total: true),
            Figure("hsm_queue_depth", "Signatures that wait for a lane."),
            Figure("hsm_sessions", "Open PKCS#11 sessions."),
            Figure("sealed", "Whether the core is sealed: 1 until custodians have activated it."),
            Figure("uptime_seconds", "Time since the core started."),
        ]
    }

    private static let tokens: [(key: String, name: String, kind: MetricsRegistry.Kind, help: String)] = [
        ("lanes", "vault_hsm_lanes", .gauge, "Threads that sign with the token."),
        ("lanes_written_off", "vault_hsm_lanes_written_off", .gauge, "Lanes of the token lost to calls that hang."),
        ("queue_depth", "vault_hsm_queue_depth", .gauge, "Signatures that wait for a lane of the token."),
        ("sessions", "vault_hsm_sessions", .gauge, "Open sessions of the token's PKCS#11 library."),
        (
            "signatures_total", "vault_hsm_signatures_total", .counter,
            "Signatures the token has made since the core started."
        ),
    ]

    /// Registers what follows the core's latest description; `build` is this process's own.
    static func register(
        in registry: MetricsRegistry, build: String, latest: @escaping @Sendable () -> CoreDescription?
    ) {
        registry.follow(.gauge, "vault_core_reachable", "Whether the core answers.") {
            [([], latest() == nil ? 0 : 1)]
        }
        registry.follow(
            .gauge, "vault_build_info", "Release and executable (SHA-256) of each process.",
            labels: ["process", "version", "build"]
        ) {
            [(["front", Build.version, build], 1)] + (latest().map { [(["core", $0.version, $0.build], 1)] } ?? [])
        }
        for figure in figures {
            registry.follow(figure.kind, figure.name, figure.help) {
                latest()?.figures[figure.key].map { [([], Double($0) * figure.scale)] } ?? []
            }
        }
        registerTokens(registry, latest)
        registerWitnesses(registry, latest)
        registry.follow(
            .gauge, "vault_key_available", "Tokens whose key of this label can be expected to sign; 0: nobody's can.",
            labels: ["label", "purpose"]
        ) {
            let keys = Dictionary(grouping: latest()?.keys ?? []) { [$0.label, $0.purpose] }
            return keys.map { ($0.key, Double($0.value.count(where: \.isAvailable))) }
        }
    }

    private static func registerTokens(
        _ registry: MetricsRegistry, _ latest: @escaping @Sendable () -> CoreDescription?
    ) {
        let labels = ["token", "serial"]
        registry.follow(
            .gauge, "vault_hsm_ready", "Whether the token's keys can be expected to sign.", labels: labels
        ) {
            (latest()?.tokens ?? []).map { ([$0.label, $0.serial ?? ""], $0.isReady ? 1 : 0) }
        }
        for figure in tokens {
            let key = figure.key
            registry.follow(figure.kind, figure.name, figure.help, labels: labels) {
                (latest()?.tokens ?? []).map { ([$0.label, $0.serial ?? ""], Double($0.figures[key] ?? 0)) }
            }
        }
    }

    private static func registerWitnesses(
        _ registry: MetricsRegistry, _ latest: @escaping @Sendable () -> CoreDescription?
    ) {
        func follow(
            _ name: String, _ help: String, _ value: @escaping @Sendable (CoreDescription.Witness) -> Double
        ) {
            registry.follow(.gauge, name, help, labels: ["witness"]) {
                (latest()?.witnesses ?? []).map { ([$0.name], value($0)) }
            }
        }
        follow("vault_log_witness_size", "Entries of the present shard that the witness has cosigned.") {
            Double($0.size)
        }
        follow("vault_log_witness_lag_seconds", "For how long there has been a checkpoint it has not cosigned.") {
            Double($0.lag)
        }
        follow("vault_log_witness_failing", "Whether it did not cosign when it was last asked.") {
            $0.problem == nil ? 0 : 1
        }
    }
}
