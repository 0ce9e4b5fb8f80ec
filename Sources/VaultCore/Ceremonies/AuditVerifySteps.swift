import AuditLog
import Custody
import HSMBridge
import NIOPosix
import StrictEncoding

extension CoreCeremony {
    /// `audit-verify`: everything that was promised is looked at again; nothing is changed, and every fault is reported.
    func auditVerifySteps(_ plan: AuditVerifyPlan) -> [CeremonyStep] {
        var steps = [
            reportStep("manifests", "Verify the manifests and what the log knows of them") {
                try self.lookAtManifests()
            }
        ]
        for (index, token) in base.tokens.enumerated() {
            let (serial, number) = (token.serial, index + 1)
            steps.append(
                reportStep(
                    "token.\(number)", "Compare the token \(token.label) with the manifest, in a fresh process too"
                ) {
                    try await self.lookAtToken(serial)
                })
            steps.append(
                reportStep("keys.\(number)", "Have every key of the token \(token.label) work, and read it back") {
                    try await self.lookAtKeys(serial)
                })
        }
        steps.append(
            reportStep("key-set", "Compare the published key set with the manifest") { try self.lookAtKeySet() })
        steps.append(
            reportStep("ceremonies", "Verify the transcript of every ceremony") { try self.lookAtCeremonies() })
        if plan.verifiesLog {
            steps.append(
                reportStep("log", "Verify the audit log from its first entry on") { try await self.lookAtLog() })
        }
        return steps + [summaryStep(steps.map(\.name))]
    }

    /// What a look at one thing has found.
    struct Findings: Sendable {
        var faults: [String] = []
        var facts: JSONObject = [:]

        var json: JSONValue {
            var object = facts
            object["faults"] = .array(faults.map { .string($0) })
            return .object(object)
        }

        /// Adds what went wrong instead of throwing it: the other looks are taken all the same.
        mutating func add(_ subject: String, _ error: any Error) {
            faults.append("\(subject): \((error as? CustodyError)?.reason ?? "\(error)")")
        }
    }

    private func reportStep(
        _ name: String, _ title: String, _ look: @escaping @Sendable () async throws -> Findings
    ) -> CeremonyStep {
        CeremonyStep(
            name: name, title: title, act: { try self.write("report.\(name).json", try await look().json) },
            verify: { try self.read("report.\(name).json")?.object }, undo: { try self.forget("report.\(name).json") })
    }

    private func summaryStep(_ names: [String]) -> CeremonyStep {
        CeremonyStep(
            name: "report", title: "Write the report",
            act: {
                var faults: [JSONValue] = []
                for name in names {
                    faults += (try self.read("report.\(name).json")?.object?["faults"]?.array ?? [])
                }
                try self.write(
                    "report.json",
                    [
                        "manifest": .string(self.core.inForce.current.hash), "time": .string(self.now.rfc3339),
                        "looked_at": .array(names.map { .string($0) }), "faults": .array(faults),
                    ])
            }, verify: { try self.read("report.json")?.object }, undo: { try self.forget("report.json") })
    }
}

extension CoreCeremony {
    private func lookAtManifests() throws -> Findings {
        let chain = try core.quorum().directory.readChain()
        var findings = Findings()
        findings.facts = [
            "genesis": .string(chain.genesisHash), "version": .integer(chain.current.version),
            "hash": .string(chain.current.hash),
        ]
        if chain.current.hash != core.inForce.current.hash {
            findings.faults.append("the newest manifest on the disk is not the one in force")
        }
        if let (version, hash) = core.standing.newestManifest,
            version != chain.current.version || hash.map({ $0 != chain.current.hash }) ?? false
        {
            findings.faults.append("the log knows manifest \(version) as the newest, and another one is on the disk")
        }
        return findings
    }

    private func lookAtToken(_ serial: String) async throws -> Findings {
        var findings = Findings()
        let keys = keys(of: serial)
        findings.facts = ["token": .string(serial), "keys": .integer(Int64(keys.count))]
        do {
            let (here, fresh) = (try await hsm(serial).inventory(), try await freshObjects(serial))
            findings.facts["objects"] = .integer(Int64(here.count))
            findings.facts["objects_in_a_fresh_process"] = .integer(Int64(fresh.count))
            findings.faults = InventoryComparison(here, with: keys, token: serial).faults
            for fault in InventoryComparison(fresh, with: keys, token: serial).faults
            where !findings.faults.contains(fault) {
                findings.faults.append("in a fresh process: \(fault)")
            }
        } catch {
            findings.add("token \(serial)", error)
        }
        return findings
    }

    private func lookAtKeys(_ serial: String) async throws -> Findings {
        var findings = Findings()
        var lines: [JSONValue] = []
        for key in keys(of: serial) where key.state != .quarantined {
            do {
                let attributes = try await hsm(serial).examine(key)
                guard key.agrees(with: attributes) else {
                    throw CustodyError(.foreign, "it does not look as it did when it was made")
                }
                lines.append([
                    "kid": .string(key.kid), "label": .string(key.label), "canary": true,
                    "attributes": .object(
                        JSONObject(
                            attributes.sorted { $0.key < $1.key }.map { .init(name: $0.key, value: .bool($0.value)) })),
                ])
            } catch {
                findings.add("key \(key.label) of token \(serial)", error)
            }
        }
        findings.facts = ["token": .string(serial), "keys": .array(lines)]
        return findings
    }

    private func lookAtKeySet() throws -> Findings {
        var findings = Findings()
        do {
            findings.facts["published"] = .array(try checkPublished().map { .string($0) })
        } catch {
            findings.faults.append((error as? CustodyError)?.reason ?? "\(error)")
        }
        return findings
    }

    /// Every ceremony but this one, from its plan to its head.
    private func lookAtCeremonies() throws -> Findings {
        var (findings, lines) = (Findings(), [JSONValue]())
        let root = try core.quorum().directory.ceremonies
        let manifests = try chainInForce().manifests
        for id in try PrivateFile.names(in: root) where CeremonyPlan.isID(id) && id != plan.id {
            do {
                let verified = try VerifiedCeremony(try CeremonyDirectory(root: root, id: id), manifests: manifests)
                lines.append([
                    "id": .string(id), "lines": .integer(Int64(verified.transcript.lines.count)),
                    "head": .string(verified.transcript.head),
                    "outcome": verified.outcome.map { .string($0.rawValue) } ?? .null,
                    "sealed": .bool(verified.isSealed),
                    "missing_signatures": .array(verified.missingHeadSigners.map { .string($0) }),
                ])
            } catch {
                findings.faults.append("ceremony \(id): \(error.reason)")
            }
        }
        findings.facts["ceremonies"] = .array(lines)
        return findings
    }

    private func lookAtLog() async throws -> Findings {
        var findings = Findings()
        let settings = core.settings
        do {
            let keys = try CheckpointKeys(try chainInForce().manifests, origin: settings.logOrigin)
            // A thread of its own: it may read for a long time.
            let shards = try await NIOThreadPool.singleton.runIfActive {
                try SeriesVerifier(
                    directory: settings.logDirectory, verifierKeys: keys.current,
                    formerKeys: keys.retired + keys.quarantined, origin: settings.logOrigin
                ).verify().shards
            }
            findings.facts["shards"] = .array(
                shards.map { shard in
                    [
                        "shard": .integer(Int64(clamping: shard.number)),
                        "entries": .integer(Int64(clamping: shard.checkpoint.size)),
                        "verified": .bool(shard.report != nil),
                    ]
                })
        } catch {
            findings.faults.append("log: \(error)")
        }
        return findings
    }
}
