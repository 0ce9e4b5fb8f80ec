import AuditLog
import Custody
import Foundation
import StrictEncoding
import Testing
import VaultTesting

@testable import VaultCore

/// Who may let a core under quorum custody go on with an older copy of its log.
@Suite(.timeLimit(.minutes(5))) struct LogRestorationTests {
    /// Runs `body` where the log was put back to what it was an activation ago.
    private func withOlderLog(_ body: (QuorumSite, _ record: String) async throws -> Void) async throws {
        try await QuorumSite.withGenesis { site in
            let record = try #require(site.site.settings.logOptions.lastCheckpointFile)
            let log = site.site.settings.logDirectory
            try await grow(site)
            try FileManager.default.copyItem(atPath: log, toPath: log + "-older")
            try await grow(site)
            try FileManager.default.removeItem(atPath: log)
            try FileManager.default.moveItem(atPath: log + "-older", toPath: log)
            try await body(site, record)
        }
    }

    private func grow(_ site: QuorumSite) async throws {
        try await site.running { core in
            try await site.activate(core)
            #expect(try await site.signs(core))
        }
    }

    private func order(_ site: QuorumSite, _ record: String) throws -> RestorationOrder {
        let settings = site.site.settings
        let (lost, found) = try Restoration.state(
            directory: settings.logDirectory, record: record, origin: settings.logOrigin)
        return RestorationOrder(
            appliance: try site.directory.readChain().current.appliance, lost: lost, found: found,
            reason: "disk lost", expires: site.now.adding(seconds: 3600), nonce: String(repeating: "ab", count: 16))
    }

    private func signed(_ order: RestorationOrder, by people: [SoftwareCustodian]) throws -> LogRestoration {
        LogRestoration(order: order, signatures: try people.map { try $0.sign(order.bytes, .restoration) })
    }

    private func refuses(_ site: QuorumSite) async -> Bool {
        do {
            try await site.start().shutdown()
            return false
        } catch {
            return "\(error)".contains("rolledBack")
        }
    }

    @Test func aLogThatIsGoneWithAllThatRemembersItIsMissedAllTheSame() async throws {
        try await withOlderLog { site, record in
            for path in [site.site.settings.logDirectory, record, site.directory.ceremonies] {
                try? FileManager.default.removeItem(atPath: path)
            }
            #expect(await refuses(site))
        }
    }

    @Test func whoeverWritesTheFileByHandDecidesNothing() async throws {
        try await withOlderLog { site, record in
            #expect(await refuses(site))
            let settings = site.site.settings
            _ = try Restoration.accept(
                directory: settings.logDirectory, record: record, origin: settings.logOrigin, operator: "carol",
                reason: "disk lost")
            #expect(await refuses(site))
            let order = try order(site, record)
            let people = site.quorum.people
            var (late, otherLoss, otherCopy) = (order, order, order)
            late.expires = site.now
            otherLoss.lost = nil
            otherCopy.found.size -= 1
            for wrong in [
                try signed(order, by: [people[0]]), try signed(order, by: [people[0], people[0]]),
                try signed(order, by: [people[0], site.quorum.approvers[0]]),
                try signed(late, by: [people[0], people[1]]), try signed(otherLoss, by: [people[0], people[1]]),
                try signed(otherCopy, by: [people[0], people[1]]),
            ] {
                try Data(wrong.file).write(to: URL(filePath: record + ".restore"))
                #expect(await refuses(site))
            }
            #expect(try site.entries().allSatisfy { $0.kind != .logRestored })
        }
    }

    @Test func aQuorumDecidesOnceAndStandsInTheFirstEntryWithItsKeys() async throws {
        try await withOlderLog { site, record in
            let settings = site.site.settings
            let order = try order(site, record)
            let people = [site.quorum.people[2], site.quorum.people[0]]
            let restoration = try signed(order, by: people)
            let manifest = try settings.manifestOfCustodians()
            try restoration.decision(manifest: manifest, now: site.now).handIn(
                restoration.file, directory: settings.logDirectory, record: record, origin: settings.logOrigin)
            let before = try site.entries().count
            try await site.running { core in try await site.activate(core) }
            let entry = try site.entries()[before]
            #expect(entry.kind == .logRestored && entry.operator == "carol, alice" && entry.reason == "disk lost")
            #expect(entry.detail?["order"] == order.hash)
            let keys = try people.map { "\($0.name) \(try SSHPublicKey(line: $0.approver.sshKey).fingerprint)" }
            #expect(entry.detail?["by_1"] == keys[0] && entry.detail?["by_2"] == keys[1])
            #expect(entry.detail?["found_size"] == String(order.found.size))
            #expect(entry.detail?["lost_size"] == order.lost.map { String($0.size) })
            #expect(!FileManager.default.fileExists(atPath: record + ".restore"))
            try await site.running { _ in }
            // The same order does not excuse it again: what is lost now is another state.
            let log = settings.logDirectory
            try FileManager.default.removeItem(atPath: log)
            try Data(restoration.file).write(to: URL(filePath: record + ".restore"))
            #expect(await refuses(site))
        }
    }
}
