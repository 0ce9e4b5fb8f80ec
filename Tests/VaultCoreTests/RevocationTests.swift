import AuditLog
import CoreProtocol
import Foundation
import StrictEncoding
import Testing
import VaultTesting

@testable import HSMBridge
@testable import VaultCore

/// What is revoked and cut off: recorded, in force at once, told to the front, and the same after every kind of end.
@Suite(.timeLimit(.minutes(10))) struct RevocationTests {
    private func read(_ core: VaultCore, from: UInt64 = 0, wait: Duration = .zero) async throws -> LiveEntries {
        try await core.read(ReadRequest(from: from, wait: wait))
    }

    private func jtis(_ core: VaultCore) async throws -> [String?] { try await read(core).records.map(\.entry.jti) }

    @Test func aRevocationIsReadBackAndDiesWithItsToken() async throws {
        try await CoreFixture.run { fixture in
            try await fixture.loadBundle()
            let index = try await fixture.core.append(fixture.revoked("0123456789abcdef", life: 60))
            #expect(index == 2)
            #expect(try await jtis(fixture.core) == ["0123456789abcdef"])
            fixture.site.clock.move(seconds: 59)
            #expect(fixture.core.revocations.counts.revoked == 1)
            fixture.site.clock.move(seconds: 2)
            // The next one clears away what is over.
            _ = try await fixture.core.append(fixture.revoked("fedcba9876543210", life: 60))
            #expect(try await jtis(fixture.core) == ["fedcba9876543210"])
            #expect(fixture.core.revocations.counts.revoked == 1)
        }
    }

    @Test("what is in force is found again at a start", arguments: ["snapshot", "no snapshot", "a changed snapshot"])
    func restart(state: String) async throws {
        try await CoreSite.withGenesis { site in
            let first = try await site.start()
            let fixture = CoreFixture(site: site, core: first, fatal: FatalErrors())
            try await fixture.loadBundle()
            for number in 0..<5 {
                _ = try await first.append(fixture.revoked("token-number-000\(number)", life: number == 0 ? 5 : 300))
            }
            _ = try await first.append(fixture.sessionRevoked("alice", life: 300))
            await first.shutdown()
            site.clock.move(seconds: 10)
            let path = site.settings.logDirectory + ".in-force"
            switch state {
            case "no snapshot": try FileManager.default.removeItem(atPath: path)
            case "a changed snapshot":
                let text = try String(contentsOfFile: path, encoding: .utf8)
                try text.replacingOccurrences(of: "token-number-0003", with: "token-number-9993").write(
                    toFile: path, atomically: true, encoding: .utf8)
            default: break
            }
            let second = try await site.start()
            let records = try await read(second).records
            #expect(records.compactMap(\.entry.jti).sorted() == ["set-1"] + (1..<5).map { "token-number-000\($0)" })
            #expect(records.last?.entry.subject?.sub == "alice")
            await second.shutdown()
        }
    }

    @Test func whatCameAfterTheSnapshotIsFoundToo() async throws {
        try await CoreSite.withGenesis { site in
            let first = try await site.start()
            let fixture = CoreFixture(site: site, core: first, fatal: FatalErrors())
            try await fixture.loadBundle()
            _ = try await first.append(fixture.revoked("before-the-snapshot", life: 300))
            try await Self.covered(first)
            await first.snapshots.saveAtRest(first.log.status, first.revocations, first.standing, now: site.clock.now)
            let kept = try Data(contentsOf: URL(filePath: site.settings.logDirectory + ".in-force"))
            _ = try await first.append(fixture.revoked("after-the-snapshot", life: 300))
            await first.shutdown()
            // As after a kill: the snapshot is the older one.
            try kept.write(to: URL(filePath: site.settings.logDirectory + ".in-force"))
            let second = try await site.start()
            #expect(try await jtis(second) == ["before-the-snapshot", "after-the-snapshot"])
            await second.shutdown()
        }
    }

    @Test func aSnapshotIsBelievedOnlyOfTheEndThatItCovers() async throws {
        try await CoreFixture.run { fixture in
            try await fixture.loadBundle()
            let path = fixture.site.settings.logDirectory + ".in-force"
            let core = fixture.core
            try await Self.covered(core)
            await core.snapshots.saveAtRest(core.log.status, core.revocations, core.standing, now: core.clock())
            let first = try Data(contentsOf: URL(filePath: path))
            // Too few new entries for another one.
            for _ in 0..<3 {
                await core.snapshots.saveIfGrown(core.log.status, core.revocations, core.standing, now: core.clock())
                _ = try await core.append(Entry(kind: .denied))
                try await Self.covered(core)
            }
            #expect(try Data(contentsOf: URL(filePath: path)) == first)
        }
    }

    /// Waits until a checkpoint covers every entry: only then has a list of them a place.
    private static func covered(_ core: VaultCore) async throws {
        while core.log.status.checkpoint?.size != core.log.status.size { try await Task.sleep(for: .milliseconds(5)) }
    }

    @Test func aWaitingReaderHearsOfARevocationAtOnceAndOfNothingAtTheEndOfItsWait() async throws {
        try await CoreFixture.run { fixture in
            try await fixture.loadBundle()
            async let waiting = read(fixture.core, wait: .seconds(20))
            try await Task.sleep(for: .milliseconds(50))
            let started = ContinuousClock.now
            _ = try await fixture.core.append(fixture.revoked("0123456789abcdef", life: 60))
            #expect(try await waiting.records.count == 1)
            #expect(ContinuousClock.now - started < .seconds(15))
            #expect(
                try await read(fixture.core, from: 1, wait: .milliseconds(30)) == .init(records: [], isComplete: true))
        }
    }

    @Test func manyAreReadPageByPageOverTheSocket() async throws {
        try await CoreFixture.run { fixture in
            try await fixture.loadBundle()
            for number in 0..<1100 {
                fixture.core.revocations.add(
                    fixture.revoked("token-number-\(10_000 + number)", life: 300), now: fixture.site.clock.now.seconds)
            }
            try await fixture.serving {
                let connection = try await fixture.connect(fixture.site.settings.frontSocket)
                defer { connection.close() }
                let session = CoreSession(connection: connection)
                var found: Set<String> = []
                var (next, pages, isComplete) = (UInt64(0), 0, false)
                while !isComplete {
                    let page = try await session.read(ReadRequest(from: next, wait: .zero))
                    found.formUnion(page.records.compactMap(\.entry.jti))
                    next = (page.records.last?.number ?? 0) + 1
                    (pages, isComplete) = (pages + 1, page.isComplete)
                }
                #expect(found.count == 1100 && pages == 3)
            }
        }
    }

    @Test("the front may stop credentials in its own name and for their life alone", arguments: StopFault.all)
    func refused(fault: StopFault) async throws {
        try await CoreFixture.run { fixture in
            try await fixture.loadBundle()
            var entry =
                fault.isRevocation
                ? fixture.revoked("0123456789abcdef", life: 60) : fixture.sessionRevoked("alice", life: 300)
            fault.change(&entry, fixture.site.clock.now.seconds)
            var code: CoreError.Code?
            do throws(CoreError) { _ = try await fixture.core.append(entry) } catch { code = error.code }
            #expect(code == .refused)
            #expect(try await read(fixture.core).records.isEmpty)
        }
    }

    @Test("nothing is signed for who is cut off", arguments: CutOff.Kind.allCases)
    func cutOff(kind: CutOff.Kind) async throws {
        try await CoreFixture.run { fixture in
            try await fixture.loadBundle()
            var draft = try fixture.draft()
            draft.claims["act"] = ["sub": "assistant", "iss": "https://agents.example"]
            var request = draft.request
            request.entry.actors = [.init(iss: "https://agents.example", sub: "assistant")]
            request.entry.target = "crm"
            let names: [CutOff.Kind: String] = [
                .user: "alice", .agent: "assistant", .client: "gateway", .target: "crm",
            ]
            fixture.core.revocations.add(
                fixture.cutOff(kind, try #require(names[kind]), life: 60), now: fixture.site.clock.now.seconds)
            var code: CoreError.Code?
            do throws(CoreError) { _ = try await fixture.core.sign(request) } catch { code = error.code }
            #expect(code == .cutOff)
            #expect(try fixture.entries().filter { $0.kind == .mint }.isEmpty)
            fixture.site.clock.move(seconds: 60)
            var later = try fixture.draft()
            later.claims["act"] = draft.claims["act"]
            var again = later.request
            again.entry.actors = request.entry.actors
            again.entry.target = "crm"
            _ = try await fixture.core.sign(again)
        }
    }

    @Test func whoeverSaysOtherwiseOfUserAndTargetIsCutOffAllTheSame() async throws {
        try await CoreFixture.run { fixture in
            try await fixture.loadBundle()
            let now = fixture.site.clock.now.seconds
            for (kind, name, issuer) in [
                (CutOff.Kind.user, "alice", "https://corp.example"), (.target, "https://api.example", nil),
            ] {
                var cutOff = fixture.cutOff(kind, name, life: 60)
                cutOff.subject?.iss = issuer
                fixture.core.revocations.add(cutOff, now: now)
                // A front that lies: another issuer of the user, and no target.
                var request = try fixture.draft().request
                request.entry.user?.iss = "https://idp.example"
                request.entry.target = nil
                var code: CoreError.Code?
                do throws(CoreError) { _ = try await fixture.core.sign(request) } catch { code = error.code }
                #expect(code == .cutOff, "\(kind)")
                fixture.site.clock.move(seconds: 60)
            }
        }
    }

    @Test("an ended session reaches what is under way", arguments: [-1, 0, 1])
    func endedSession(age: Int64) async throws {
        try await CoreFixture.run(changing: { $0.tokens[0].lanes = 1 }) { fixture in
            try await fixture.loadBundle()
            let now = fixture.site.clock.now.seconds
            var request = try fixture.draft().request
            // Signed in at `now`; the session that ended began up to then.
            request.issued = .byIssuer(now + age)
            var ended = fixture.cutOff(.user, "alice", life: 60)
            ended.iat = now
            let code = try await fixture.outcome(of: request) { fixture.core.revocations.add(ended, now: now) }
            #expect(code == (age > 0 ? nil : .cutOff))
            if code != nil { try await fixture.untilAborted(request.entry.jti) }
        }
    }

    @Test func aSignatureThatWasUnderWayWhenItsKeyWasQuarantinedIsNotReleased() async throws {
        try await CoreFixture.run(changing: { $0.tokens[0].lanes = 1 }) { fixture in
            try await fixture.loadBundle()
            let request = try fixture.draft().request
            let code = try await fixture.outcome(of: request) { fixture.core.inForce.quarantine([request.kid]) }
            #expect(code == .unknownKey)
            if code != nil { try await fixture.untilAborted(request.entry.jti) }
        }
    }

    @Test func aClientThatHandedATokenOnIsFoundInItsChain() async throws {
        try await CoreFixture.run { fixture in
            try await fixture.loadBundle()
            var draft = try fixture.draft()
            draft.claims["act"] = [
                "iss": "https://vault.example", "sub": "client:crm-server",
                "act": ["iss": "https://agents.example", "sub": "assistant"],
            ]
            var request = draft.request
            request.entry.actors = [
                .init(iss: "https://vault.example", sub: "client:crm-server"),
                .init(iss: "https://agents.example", sub: "assistant"),
            ]
            let now = fixture.site.clock.now.seconds
            fixture.core.revocations.add(fixture.cutOff(.client, "crm", life: 60), now: now)
            _ = try await fixture.core.sign(request)
            fixture.core.revocations.add(fixture.cutOff(.client, "crm-server", life: 60), now: now)
            var again = try fixture.draft()
            again.claims["act"] = draft.claims["act"]
            var refused = again.request
            refused.entry.actors = request.entry.actors
            var code: CoreError.Code?
            do throws(CoreError) { _ = try await fixture.core.sign(refused) } catch { code = error.code }
            #expect(code == .cutOff)
        }
    }

    @Test func whatDescendsFromARevokedTokenIsNotSigned() async throws {
        try await CoreFixture.run { fixture in
            try await fixture.loadBundle()
            _ = try await fixture.core.append(fixture.revoked("0123456789abcdef", life: 60))
            for (jti, code) in [("0123456789abcdef.child", CoreError.Code.cutOff), ("0123456789abcdefx.child", nil)] {
                var draft = try fixture.draft()
                draft.claims["jti"] = .string(jti)
                let request = draft.request
                var found: CoreError.Code?
                do throws(CoreError) { _ = try await fixture.core.sign(request) } catch { found = error.code }
                #expect(found == code)
            }
        }
    }

    @Test func aSignatureThatWasUnderWayWhenItsUserWasCutOffIsNotReleased() async throws {
        try await CoreFixture.run(changing: { $0.tokens[0].lanes = 1 }) { fixture in
            try await fixture.loadBundle()
            let request = try fixture.draft().request
            let (cutOff, now) = (fixture.cutOff(.user, "alice", life: 60), fixture.site.clock.now.seconds)
            let code = try await fixture.outcome(of: request) { fixture.core.revocations.add(cutOff, now: now) }
            #expect(code == .cutOff)
            await fixture.core.shutdown()
            #expect(try fixture.entries().filter { $0.jti == request.entry.jti }.map(\.kind) == [.mint, .mintAborted])
        }
    }
}

extension CoreFixture {
    /// What becomes of a signature that is under way, its entry durable and its one lane held, when `change` is made.
    fileprivate func outcome(of request: SignRequest, _ change: () -> Void) async throws -> CoreError.Code? {
        let lane = await HeldLane(core.hsm)
        async let outcome: CoreError.Code? = {
            do throws(CoreError) {
                _ = try await core.sign(request)
                return nil
            } catch { return error.code }
        }()
        while try !entries().contains(where: { $0.kind == .mint }) { try await Task.sleep(for: .milliseconds(5)) }
        change()
        await lane.release()
        return await outcome
    }

    /// Waits until the log says that a mint came to nothing: the caller may hear of it first.
    func untilAborted(_ jti: String?) async throws {
        while try !entries().contains(where: { $0.kind == .mintAborted && $0.jti == jti }) {
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// The entry of a revoked token with some seconds to live.
    func revoked(_ jti: String, life: Int64) -> Entry {
        var entry = Entry(kind: .revoked)
        entry.bundle = String(repeating: "ab", count: 32)
        entry.client = "gateway"
        entry.jti = jti
        entry.until = site.clock.now.seconds + life
        return entry
    }

    /// The entry of a user's sessions having ended.
    func sessionRevoked(_ user: String, life: Int64) -> Entry {
        var entry = Entry(kind: .cutoff)
        entry.bundle = String(repeating: "ab", count: 32)
        entry.subject = .init(iss: "https://idp.example", sub: user)
        entry.subjectType = "user"
        entry.jti = "set-1"
        entry.iat = site.clock.now.seconds
        entry.until = site.clock.now.seconds + life
        return entry
    }

    /// The entry of a cut-off by a person.
    func cutOff(_ kind: CutOff.Kind, _ name: String, life: Int64) -> Entry {
        var entry = Entry(kind: .cutoff)
        entry.subject = .init(iss: nil, sub: name)
        entry.subjectType = kind.rawValue
        entry.operator = "anna SHA256:x"
        entry.until = site.clock.now.seconds + life
        return entry
    }
}
