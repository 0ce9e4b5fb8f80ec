import AuditLog
package import CoreProtocol
import Custody
import HSMBridge
import Logging
package import StrictEncoding

/// What is wrong with a core at one moment.
struct CoreHealth {
    /// Why it cannot sign now, or not with every key; empty when it can.
    var faults: [String] = []
    /// What is wrong although it can sign: with several tokens one may be away.
    var warnings: [String] = []
}

extension VaultCore {
    /// Keys, health and figures as the front sees them.
    package var description: CoreDescription {
        let standings = hsms.standings
        let health = health(standings)
        let snapshot = inForce.current
        let manifest = snapshot.effective
        var description = CoreDescription(
            instance: instance, appliance: manifest.appliance, custody: snapshot.statement,
            manifestVersion: manifest.version,
            keys: manifest.keys.filter { $0.state != .destroyed }.map { key in
                CoreDescription.Key(
                    label: key.label, kid: key.kid, algorithm: key.algorithm, purpose: key.purpose.rawValue,
                    state: key.state.rawValue, jwk: key.jwk, maximumLifetime: key.gate?.maximumLifetime,
                    token: key.token,
                    isAvailable: key.state == .active && standings.contains { $0.isAvailable(key) })
            }, faults: health.faults, warnings: health.warnings, tokens: standings.map(\.described),
            witnesses: log.status.witnesses.map(\.described), figures: figures(standings))
        description.build = Executable.build
        description.isSealed = isSealed
        description.generation = custody?.generation ?? 0
        return description
    }

    /// Why the core cannot sign now, for readiness and status; empty when it can.
    var faults: [String] { health(hsms.standings).faults }

    /// A fault of one of several tokens is a warning as long as the others cover it.
    private func health(_ standings: [HSMStanding]) -> CoreHealth {
        if let custody, custody.phase != .active { return sealedHealth(custody, standings) }
        let manifest = manifest
        var health = CoreHealth()
        let isOnly = standings.count == 1
        let ofTokens = standings.flatMap { standing in
            standing.faults.map { isOnly ? "hsm: \($0)" : "hsm \(standing.label): \($0)" }
        }
        let uncovered = uncovered(standings)
        if isOnly || !uncovered.isEmpty { health.faults = ofTokens } else { health.warnings = ofTokens }
        if !isOnly { health.faults += uncovered.map { "hsm: no token can sign with key \($0)" } }
        let serials = Set(standings.compactMap(\.serial))
        if standings.allSatisfy({ $0.serial != nil }) {
            health.warnings += manifest.tokens.filter { !serials.contains($0.serial) }.map {
                "hsm: the manifest's token \($0.label) (serial \($0.serial)) is not configured"
            }
        }
        let log = log.status
        health.faults += logFaults(log)
        if let fault = witnessFault(log) { health.faults.append(fault) }
        health.warnings += logWarnings(log).map { "log: \($0)" } + witnessWarnings(log) + onCallWarnings
        if log.isCheckpointStale {
            let effect = log.isCheckpointOverdue ? ": nothing is issued until one is" : ""
            health.faults.append("log: no checkpoint could be signed for a while\(effect)")
        }
        if let custody { health.warnings += custodyWarnings(custody) }
        return health
    }

    /// A sealed core has one fault, not one for each token and for the checkpoints that nobody can sign; beside it only
    /// what an activation would fail for.
    private func sealedHealth(_ custody: QuorumCustody, _ standings: [HSMStanding]) -> CoreHealth {
        let log = log.status
        var health = CoreHealth()
        health.faults = [sealedFault(custody)] + standings.compactMap(\.absence)
        health.faults += logFaults(log)
        health.warnings = custodyWarnings(custody) + logWarnings(log).map { "log: \($0)" } + onCallWarnings
        return health
    }

    /// Says warnings in the log when they come and when they are over: nobody looks at status all the time.
    func watchWarnings() async {
        var known: [String: String] = [:]
        while !Task.isCancelled {
            let warnings = Dictionary(health(hsms.standings).warnings.map { ($0.withoutNumbers, $0) }) { $1 }
            for (key, text) in warnings.sorted(by: { $0.key < $1.key }) where known[key] == nil {
                logger.warning("\(text)")
            }
            for (key, text) in known.sorted(by: { $0.key < $1.key }) where warnings[key] == nil {
                logger.notice("no longer: \(text)")
            }
            known = warnings
            try? await Task.sleep(for: .seconds(1))
        }
    }

    /// Why nothing can be recorded now, whoever may sign.
    private func logFaults(_ log: LogStatus) -> [String] {
        var faults: [String] = []
        if let reason = log.failure { faults.append("log: \(reason)") }
        if let problem = log.clockProblem { faults.append("log: \(problem.reason)") }
        if let wait = log.diskWait {
            faults.append("log: the disk has not answered for \(wait.components.seconds) s")
        }
        return faults
    }

    /// Labels of active keys that no token can use now.
    private func uncovered(_ standings: [HSMStanding]) -> [String] {
        let needed = manifest.keys.filter {
            $0.state == .active && ($0.purpose == .signing || $0.purpose == .checkpoint)
        }
        let labels = Set(needed.map(\.label))
        let covered = needed.filter { key in standings.contains { $0.isAvailable(key) } }.map(\.label)
        return labels.subtracting(covered).sorted()
    }

    /// Figures for the front's metrics; those of the HSM are sums over the tokens.
    private func figures(_ standings: [HSMStanding]) -> [String: Int64] {
        let log = log.status
        var figures = [
            "log_size": Int64(clamping: log.size), "log_checkpoint_size": Int64(clamping: log.checkpoint?.size ?? 0),
            "log_disk_days_left": log.daysLeft ?? -1,
            "log_shard": Int64(clamping: log.shard), "log_checkpoint_keys_failing": Int64(log.signerProblems.count),
            "log_syncs": Int64(clamping: log.syncs),
            "log_sync_microseconds": Int64((log.syncLatency ?? .zero) / .microseconds(1)),
            "log_witnessed_size": Int64(clamping: log.witnessedSize),
            "log_witness_lag_seconds": log.witnessLag?.components.seconds ?? 0,
            "uptime_seconds": clock().seconds - started.seconds, "sealed": isSealed ? 1 : 0,
            "revoked_tokens": Int64(revocations.counts.revoked),
            "cutoffs": Int64(revocations.counts.cutOffs),
        ]
        figures["log_disk_free_bytes"] = log.diskFree
        for standing in standings {
            for (name, value) in standing.figures { figures["hsm_\(name)", default: 0] += value }
        }
        return figures
    }

    /// Everything an operator wants to know first.
    package var status: JSONValue {
        let standings = hsms.standings
        let health = health(standings)
        let log = log.status
        let snapshot = inForce.current
        let manifest = snapshot.effective
        let working = health.faults.isEmpty ? (health.warnings.isEmpty ? "active" : "degraded") : "faulty"
        let state = isSealed ? "sealed" : working
        var status: JSONObject = JSONObject([])
        if let custody { status["activation"] = try? custodyStatus(custody) }
        let members: JSONValue = [
            "appliance": .string(manifest.appliance), "state": .string(state),
            "custody": .string(manifest.custody.rawValue), "started": .string(started.rfc3339),
            "version": .string(Build.version), "build": .string(Executable.build),
            "faults": .array(health.faults.map { .string($0) }),
            "warnings": .array(health.warnings.map { .string($0) }),
            "dials": [
                "config_approvals": .integer(manifest.dials.configApprovals),
                "unattended_start": .bool(manifest.dials.unattendedStart),
                "restart_grace": .integer(manifest.dials.restartGrace),
                "file_tls_keys": .bool(manifest.dials.fileTLSKeys),
            ],
            "manifest": [
                "version": .integer(manifest.version), "hash": .string(snapshot.hash),
                "file": .string(settings.manifestFile),
            ],
            "hsm": .array(standings.map(\.json)),
            "secrets": [
                "count": .integer(Int64(standing.secrets.values.count { $0.kind != .secretRemoved })),
                "signed": .bool(manifest.custody == .quorum),
            ],
            "log": [
                "directory": .string(settings.logDirectory), "size": .integer(Int64(clamping: log.size)),
                "checkpoint_size": .integer(Int64(clamping: log.checkpoint?.size ?? 0)),
                "checkpoint_time": log.checkpointTime.map { .string($0.rfc3339) } ?? .null,
                "disk_free_bytes": log.diskFree.map { .integer($0) } ?? .null,
                "disk_days_left": log.daysLeft.map { .integer($0) } ?? .null,
                "strict": .bool(settings.logOptions.strict), "shard": .integer(Int64(clamping: log.shard)),
                "witnesses": .array(log.witnesses.map(\.json)),
                "witness_quorum": .integer(Int64(settings.witnessQuorum)),
                "witnessed_size": .integer(Int64(clamping: log.witnessedSize)),
                "warnings": .array((logWarnings(log) + witnessWarnings(log)).map { .string($0) }),
            ],
            "keys": .array(
                manifest.keys.map { key in
                    [
                        "label": .string(key.label), "kid": .string(key.kid), "alg": .string(key.algorithm),
                        "purpose": .string(key.purpose.rawValue), "state": .string(key.state.rawValue),
                        "provenance": .string(key.provenance.rawValue), "token": .string(key.token),
                        "available": .bool(standings.contains { $0.isAvailable(key) }),
                    ]
                }),
        ]
        for member in members.object?.members ?? [] { status[member.name] = member.value }
        return .object(status)
    }
}

extension String {
    /// The same for a count that only went on, as in `for 12 s`.
    fileprivate var withoutNumbers: String {
        split(separator: " ").map { $0.allSatisfy(\.isNumber) ? "#" : $0 }.joined(separator: " ")
    }
}

extension HSMStanding {
    fileprivate var described: CoreDescription.Token {
        CoreDescription.Token(label: label, serial: serial, isReady: isReady, figures: figures)
    }

    /// What metrics show of a token; one that is away works with nothing.
    fileprivate var figures: [String: Int64] {
        [
            "lanes": Int64(status?.lanes ?? 0), "lanes_written_off": Int64(clamping: status?.lanesWrittenOff ?? 0),
            "library_restarts": Int64(clamping: status?.libraryRestarts ?? 0),
            "queue_depth": Int64(status?.queueDepth ?? 0), "sessions": Int64(status?.openSessions ?? 0),
            "signatures_total": Int64(clamping: status?.signatures ?? 0),
        ]
    }
}
