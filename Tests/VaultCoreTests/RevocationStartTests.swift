import CoreProtocol
import Foundation
import StrictEncoding
import Testing
import VaultTesting

@testable import AuditLog
@testable import VaultCore

/// A start of the core with many revocations among many other leaves: all are found, with and without the snapshot.
///
/// More with `VAULT_START_LEAVES` and `VAULT_START_REVOCATIONS`, for figures, which are then printed.
@Suite(.timeLimit(.minutes(15))) struct RevocationStartTests {
    private static func number(_ name: String, _ usual: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? usual
    }

    private static let leaves = number("VAULT_START_LEAVES", 3000)
    private static let revocations = number("VAULT_START_REVOCATIONS", 700)
    private static let prints = ProcessInfo.processInfo.environment["VAULT_START_LEAVES"] != nil

    @Test func everyRevocationIsFoundAgainAmongManyLeaves() async throws {
        try await CoreSite.withGenesis { site in
            let first = try await site.start()
            let fixture = CoreFixture(site: site, core: first, fatal: FatalErrors())
            try await fixture.loadBundle()
            try await fill(fixture)
            await first.shutdown()

            try FileManager.default.removeItem(atPath: site.settings.logDirectory + ".in-force")
            try await restart(site, "the whole log searched")
            try await restart(site, "from the snapshot")
        }
    }

    @Test(
        "whoever held the log's disk cannot make a core forget what is in force",
        arguments: ["a revocation is made a denial", "a closed shard's tiles are removed"])
    func disk(change: String) async throws {
        try await CoreSite.withGenesis { site in
            let first = try await site.start()
            let fixture = CoreFixture(site: site, core: first, fatal: FatalErrors())
            try await fixture.loadBundle()
            _ = try await first.append(fixture.revoked("0123456789abcdef", life: 3000))
            for _ in 0..<600 { _ = try await first.log.append(Entry(kind: .denied)) }
            let log = site.settings.logDirectory
            if change.contains("shard") {
                first.log.rollOver()
                while first.log.status.shard < 2 { try await Task.sleep(for: .milliseconds(5)) }
            }
            await first.shutdown()
            let kept = try Data(contentsOf: URL(filePath: log + ".in-force"))
            // The list is safe to lose, they say.
            try FileManager.default.removeItem(atPath: log + ".in-force")
            if change.contains("shard") {
                try FileManager.default.removeItem(atPath: log + ".1/tile")
            } else {
                let bundle = URL(filePath: log + "/tile/entries/000")
                var bytes = try Data(contentsOf: bundle)
                let kind = try #require(bytes.firstRange(of: Data(#""kind":"revoked""#.utf8)))
                bytes.replaceSubrange(kind, with: Data(#""kind":"denied" "#.utf8))
                try bytes.write(to: bundle)
            }
            let fault = await #expect(throws: StartError.self) { _ = try await site.start() }
            #expect(fault?.file == log)
            #expect(fault?.problem.hasPrefix(change.contains("shard") ? "rolledBack" : "badRoot") == true)
            // With the list, which the checkpoint key has signed, nothing before its place matters.
            try kept.write(to: URL(filePath: log + ".in-force"))
            let second = try await site.start()
            #expect(second.revocations.counts.revoked == 1)
            await second.shutdown()
        }
    }

    /// Revocations spread among denials, as fast as the log takes them.
    private func fill(_ fixture: CoreFixture) async throws {
        let every = max(1, Self.leaves / Self.revocations)
        let log = fixture.core.log
        var failures = 0
        var left = Self.revocations
        for start in stride(from: 0, to: Self.leaves, by: 2000) {
            failures += await withTaskGroup(of: Bool.self) { tasks in
                for number in start..<min(start + 2000, Self.leaves) {
                    var entry = Entry(kind: .denied)
                    if number % every == 0, left > 0 {
                        left -= 1
                        entry = fixture.revoked("revoked-token-\(number)", life: 3000)
                    }
                    entry.requestID = String(repeating: "a", count: 32)
                    let one = entry
                    tasks.addTask { (try? await log.append(one)) != nil }
                }
                return await tasks.reduce(0) { $0 + ($1 ? 0 : 1) }
            }
        }
        #expect(failures == 0 && left == 0)
    }

    private func restart(_ site: CoreSite, _ how: String) async throws {
        let clock = ContinuousClock()
        let begun = clock.now
        let core = try await site.start()
        let started = clock.now
        #expect(core.revocations.counts.revoked == Self.revocations)
        // What a front does on each new connection.
        var list = RevocationList()
        var (next, pages): (UInt64, Int) = (0, 0)
        while true {
            let page = try await core.read(ReadRequest(from: next, wait: .zero))
            for record in page.records {
                list.insert(record.entry, now: site.clock.now.seconds)
                next = record.number + 1
            }
            pages += 1
            if page.isComplete { break }
        }
        let replayed = clock.now
        #expect(list.revokedCount == Self.revocations)
        // No page is empty, and each is full but for its bytes: the front reads each revocation once.
        #expect(pages <= Self.revocations / 256 + 1)
        await core.shutdown()
        guard Self.prints else { return }
        print(
            "start, \(how): core \(started - begun), front's replay of \(Self.revocations) in \(pages) pages \(replayed - started)"
        )
    }
}
