import AuditLog
import CoreProtocol
import Custody
import NIOCore
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultCore

/// What operators may do with the log through the admin socket.
@Suite(.timeLimit(.minutes(10))) struct AuditCommandTests {
    private func call(_ fixture: CoreFixture, _ command: JSONValue) async throws -> JSONValue {
        let connection = try await fixture.connect(fixture.site.settings.adminSocket)
        defer { connection.close() }
        var reply = try await connection.call(.admin, ByteBuffer(json: command), within: .seconds(60))
        let answer = reply.readJSON()
        return try #require(answer)
    }

    @Test func aCoreWhoseClockIsBehindTheLogIssuesNothingUntilSomebodyVouchesForIt() async throws {
        try await CoreSite.withGenesis { site in
            try await site.start().shutdown()
            site.clock.move(seconds: -3600)
            let fatal = FatalErrors()
            let fixture = CoreFixture(site: site, core: try await site.start(fatal: fatal), fatal: fatal)
            try await fixture.serving {
                #expect(fixture.core.status.object?["state"] == "faulty")
                #expect(fixture.core.description.faults.contains { $0.contains("clock") })
                await #expect(throws: CoreError(.logUnavailable, "")) { try await fixture.loadBundle() }
                let answer = try await call(
                    fixture, ["command": "audit-accept-time", "operator": "carol", "reason": "it was ahead before"])
                #expect(answer.object?["time"]?.string == site.clock.now.rfc3339)
                try await fixture.loadBundle()
                _ = try await fixture.core.sign(try fixture.draft().request)
                while !(try fixture.entries().contains { $0.kind == .adminCoreStarted && $0.time == site.clock.now }) {
                    try await Task.sleep(for: .milliseconds(20))
                }
                #expect(fixture.core.description.faults.isEmpty)
                let accepted = try fixture.entries().first { $0.kind == .logTimeAccepted }
                #expect(accepted?.operator == "carol")
            }
        }
    }

    @Test func underQuorumCustodyTheClockIsVouchedForByWhoeverSignsTheOrder() async throws {
        try await QuorumSite.withGenesis { site in
            try await site.running { _ in }
            site.site.clock.move(seconds: -3600)
            try await site.running { core in
                await #expect(throws: CoreError(.malformed, "")) {
                    try await core.command([
                        "command": "audit-accept-time", "operator": "carol", "reason": "it is right",
                    ])
                }
                await #expect(throws: CoreError(.refused, "")) {
                    try await site.order(core, "audit-accept-time", .acceptTime, by: try SoftwareCustodian("eve"))
                }
                await #expect(throws: CoreError(.refused, "")) {
                    try await site.order(core, "audit-accept-time", .abort, "drill-0123456789ab")
                }
                let answer = try await site.order(core, "audit-accept-time", .acceptTime)
                #expect(answer.object?["time"]?.string == site.now.rfc3339)
                let entry = try #require(try site.entries().first { $0.kind == .logTimeAccepted })
                #expect(entry.operator?.hasPrefix("carol SHA256:") == true)
                #expect(entry.reason == "somebody decided so")
            }
        }
    }

    @Test func underQuorumCustodyAShardIsPrunedByWhoeverSignsTheOrder() async throws {
        try await QuorumSite.withGenesis { site in
            var site = site
            site.site.settings.logOptions.shardAge = 0
            try await site.running { core in
                try await site.activate(core)
                while core.log.status.shard < 2 { try await Task.sleep(for: .milliseconds(50)) }
                await #expect(throws: CoreError(.malformed, "")) {
                    try await core.command(["command": "audit-prune", "operator": "carol", "shard": 1])
                }
                for subject in ["", "0", "01", "one"] {
                    await #expect(throws: CoreError(.malformed, "")) {
                        try await site.order(core, "audit-prune", .prune, subject)
                    }
                }
                await #expect(throws: CoreError(.refused, "")) {
                    try await site.order(core, "audit-prune", .prune, "1", by: try SoftwareCustodian("eve"))
                }
                let answer = try await site.order(core, "audit-prune", .prune, "1", by: site.quorum.approvers[0])
                #expect(answer.object?["origin"]?.string == site.site.settings.logOrigin)
            }
            var people: [String] = []
            try LogSeries(directory: site.site.settings.logDirectory).forEach {
                (_, _, bytes) throws(AuditLogError) in
                let entry = try Entry(jsonBytes: bytes)
                if entry.kind == .logShardPruned { people.append(entry.operator ?? "") }
            }
            #expect(people.count == 1 && people.allSatisfy { $0.hasPrefix("dave SHA256:") })
        }
    }

    @Test func aFloodOfDenialsIsCountedInTheLogAndEveryOneIsAnswered() async throws {
        try await CoreFixture.run { fixture in
            let bundle = try await fixture.loadBundle()
            var denial = Entry(kind: .denied)
            (denial.client, denial.bundle, denial.reason) = ("gateway-mcp", bundle, "no rule")
            let flood = denial
            let began = ContinuousClock.now
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<1000 { group.addTask { _ = try await fixture.core.append(flood) } }
                try await group.waitForAll()
            }
            await fixture.core.shutdown()
            let entries = try fixture.entries().filter { $0.kind == .denied }
            #expect(entries.reduce(0) { $0 + ($1.count ?? 1) } == 1000)
            // A hundred at once, twenty a second and one for all the others: however long a busy machine takes over it.
            let seconds = Int((ContinuousClock.now - began) / .seconds(1)) + 1
            #expect(entries.count <= 100 + 21 * seconds + 1)
            #expect(entries.allSatisfy { $0.custody == "development" && $0.client == "gateway-mcp" })
        }
    }

    @Test func underStrictASignatureIsReleasedOnlyWithItsEntryUnderACheckpoint() async throws {
        let change: (inout CoreSettings) -> Void = { settings in
            settings.logOptions.strict = true
            settings.logOptions.strictPatience = .seconds(60)
        }
        try await CoreFixture.run(changing: change) { fixture in
            try await fixture.loadBundle()
            for _ in 0..<5 {
                let record = try await fixture.core.sign(try fixture.draft().request)
                #expect(fixture.core.log.status.checkpoint?.size ?? 0 > record.index)
            }
            #expect(fixture.core.status.object?["log"]?.object?["strict"] == .bool(true))
        }
    }

    @Test func anOperatorPrunesAClosedShardUnderHisName() async throws {
        try await CoreFixture.run(changing: { $0.logOptions.shardAge = 0 }) { fixture in
            try await fixture.serving {
                while fixture.core.log.status.shard < 2 { try await Task.sleep(for: .milliseconds(50)) }
                let opening = try fixture.entries().first
                #expect(opening?.kind == .logShardOpened)
                // What the core reads at its start must be there from a shard's first entry on.
                #expect(opening?.custody == "development" && opening?.manifestVersion == 1)
                let command: JSONValue = ["command": "audit-prune", "operator": "carol", "shard": 1]
                let answer = try await call(fixture, command)
                #expect(answer.object?["origin"]?.string == "vault.example/log")
                await #expect(throws: CoreError.self) { _ = try await call(fixture, command) }
            }
        }
    }

    @Test func aCollectorReadsTheFilesOfTheLogAndNothingElse() async throws {
        try await CoreFixture.run { fixture in
            try await fixture.serving {
                while fixture.core.log.status.checkpoint == nil { try await Task.sleep(for: .milliseconds(20)) }
                let checkpoint = try await call(fixture, ["command": "audit-read", "path": "checkpoint"])
                let bytes = try #require(checkpoint.object?["content"]?.string.flatMap { Base64URL.decode($0) })
                #expect(String(decoding: bytes, as: UTF8.self).hasPrefix("vault.example/log\n"))
                let absent = try await call(fixture, ["command": "audit-read", "path": "tile/7/000"])
                #expect(absent.object?["content"] == .null)
                for path in ["../manifest.json", "/etc/passwd", "journal/1", "lock", "tile/0/../../lock", "tile/0/0"] {
                    await #expect(throws: CoreError.self) {
                        _ = try await call(fixture, ["command": "audit-read", "path": .string(path)])
                    }
                }
            }
        }
    }
}
