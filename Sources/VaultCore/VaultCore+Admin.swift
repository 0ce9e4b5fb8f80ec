import AuditLog
import CoreProtocol
import Custody
import HSMBridge
import NIOCore
package import StrictEncoding

extension VaultCore {
    /// Executes one command of the admin socket: a JSON object with the member `command`.
    func execute(_ payload: ByteBuffer) async throws(CoreError) -> JSONValue {
        var payload = payload
        guard let json = payload.readJSON() else { throw CoreError(.malformed, "the command is not strict JSON") }
        do {
            var reader = try ObjectReader(json)
            switch try reader.string("command") {
            case "status":
                try reader.finish()
                return status
            case "tls-csr":
                let request = try CertificateRequest(&reader)
                try reader.finish()
                return ["csr": .string(try await request.sign(with: keys.tls(label: request.key)))]
            case "audit-accept-time": return try await acceptTime(&reader)
            case "audit-prune": return try await pruneLog(&reader)
            case "audit-read": return try readLog(&reader)
            default: throw CoreError(.refused, "command: is not known")
            }
        } catch let fault as SchemaFault {
            throw CoreError(.malformed, "\(fault)")
        } catch let error as CoreError {
            throw error
        } catch let error as HSMError {
            throw CoreError(error)
        } catch let error as AuditLogError {
            throw CoreError(error)
        } catch {
            throw CoreError(.malformed, "the command failed: \(error)")
        }
    }

    /// Why the core cannot sign now, for readiness and status; empty when it can.
    var faults: [String] {
        var faults: [String] = []
        let hsm = hsm.status
        faults += hsm.faults.map { "hsm: \($0)" }
        let log = log.status
        if let reason = log.failure { faults.append("log: \(reason)") }
        if log.isCheckpointStale { faults.append("log: no checkpoint could be signed for a while") }
        if let problem = log.clockProblem { faults.append("log: \(problem.reason)") }
        return faults
    }

    /// Figures for the front's metrics.
    var figures: [String: Int64] {
        let hsm = hsm.status
        let log = log.status
        return [
            "log_size": Int64(clamping: log.size), "log_checkpoint_size": Int64(clamping: log.checkpoint?.size ?? 0),
            "log_disk_free_bytes": log.diskFree ?? 0, "log_disk_days_left": log.daysLeft ?? -1,
            "log_shard": Int64(clamping: log.shard), "log_checkpoint_keys_failing": Int64(log.signerProblems.count),
            "hsm_lanes": Int64(hsm.lanes),
            "hsm_lanes_written_off": Int64(clamping: hsm.lanesWrittenOff), "hsm_queue_depth": Int64(hsm.queueDepth),
            "hsm_sessions": Int64(hsm.openSessions), "hsm_signatures_total": Int64(clamping: hsm.signatures),
            "uptime_seconds": clock().seconds - started.seconds,
        ]
    }

    /// Everything an operator wants to know first.
    package var status: JSONValue {
        let hsm = hsm.status
        let log = log.status
        return [
            "appliance": .string(manifest.appliance), "state": faults.isEmpty ? "active" : "faulty",
            "custody": .string(manifest.custody.rawValue), "started": .string(started.rfc3339),
            "faults": .array(faults.map { .string($0) }),
            "dials": [
                "config_approvals": .integer(manifest.dials.configApprovals),
                "unattended_start": .bool(manifest.dials.unattendedStart),
                "restart_grace": .integer(manifest.dials.restartGrace),
                "file_tls_keys": .bool(manifest.dials.fileTLSKeys),
            ],
            "manifest": [
                "version": .integer(manifest.version), "hash": .string(manifest.hash),
                "file": .string(settings.manifestFile),
            ],
            "hsm": [
                "module": .string(settings.module), "token": .string(self.hsm.profile.info.label),
                "serial": .string(self.hsm.profile.info.serial), "login": .string(hsm.login.rawValue),
                "breaker": .string(hsm.breaker.rawValue),
                "lanes": .integer(Int64(hsm.lanes)),
                "lanes_written_off": .integer(Int64(clamping: hsm.lanesWrittenOff)),
                "queue_depth": .integer(Int64(hsm.queueDepth)), "sessions": .integer(Int64(hsm.openSessions)),
            ],
            "log": [
                "directory": .string(settings.logDirectory), "size": .integer(Int64(clamping: log.size)),
                "checkpoint_size": .integer(Int64(clamping: log.checkpoint?.size ?? 0)),
                "checkpoint_time": log.checkpointTime.map { .string($0.rfc3339) } ?? .null,
                "disk_free_bytes": log.diskFree.map { .integer($0) } ?? .null,
                "disk_days_left": log.daysLeft.map { .integer($0) } ?? .null,
                "strict": .bool(settings.logOptions.strict),
                "shard": .integer(Int64(clamping: log.shard)),
                "warnings": .array(logWarnings.map { .string($0) }),
            ],
            "keys": .array(
                manifest.keys.map { key in
                    [
                        "label": .string(key.label), "kid": .string(key.kid), "alg": .string(key.algorithm),
                        "purpose": .string(key.purpose.rawValue), "state": .string(key.state.rawValue),
                        "provenance": .string(key.provenance.rawValue),
                    ]
                }),
        ]
    }
}
