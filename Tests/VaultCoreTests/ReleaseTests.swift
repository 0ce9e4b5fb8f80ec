import AuditLog
import CoreProtocol
import Custody
import Testing

@testable import HSMBridge
@testable import VaultCore

/// Record and release: what is given out has a leaf, and what has a leaf was given out or is marked as aborted.
@Suite(.timeLimit(.minutes(10))) struct ReleaseTests {
    @Test func aRequestWithoutPatienceIsRefusedAndLeavesNoLeaf() async throws {
        try await CoreFixture.run { fixture in
            try await fixture.loadBundle()
            var draft = try fixture.draft()
            draft.patience = .zero
            let error = await refusal(fixture, draft)
            #expect(error?.code == .saturated && error?.retryAfter ?? 0 >= 1)
            #expect(try fixture.entries().map(\.kind) == [.adminCoreStarted, .configLoaded])
        }
    }

    @Test func aFullQueueRefusesAndLeavesNoLeafOfWhatItRefused() async throws {
        try await CoreFixture.run(changing: { Self.oneLane(&$0, queue: 1) }) { fixture in
            try await fixture.loadBundle()
            let lane = await HeldLane(fixture.core.hsm)
            let waiting = try fixture.draft()
            async let record = fixture.core.sign(waiting.request)
            try await leaf(of: waiting, fixture)
            let error = await refusal(fixture, try fixture.draft())
            #expect(error?.code == .saturated && error?.retryAfter ?? 0 >= 1)
            await lane.release()
            let index = try await record.index
            let entries = try fixture.entries()
            #expect(entries.map(\.kind) == [.adminCoreStarted, .configLoaded, .mint])
            #expect(entries[Int(index)].jti == waiting.jti)
        }
    }

    @Test func aSignatureThatFailsAfterItsRecordIsRecordedAsAborted() async throws {
        try await CoreFixture.run(spoilsToken: true, changing: { Self.oneLane(&$0) }) { fixture in
            try await fixture.loadBundle()
            let draft = try fixture.draft()
            let key = try fixture.core.keys.signing(kid: draft.request.kid).hsm.path.key
            let lane = await HeldLane(fixture.core.hsm)
            async let error = refusal(fixture, draft)
            try await leaf(of: draft, fixture)
            // The record is durable; now the key disappears from the token.
            try fixture.core.hsm.login.openSession(readWrite: true).destroy(key.handle.object)
            await lane.release()
            #expect(await error?.code == .hsmUnavailable)
            await fixture.core.shutdown()
            let entries = try fixture.entries().filter { $0.jti == draft.jti }
            #expect(entries.map(\.kind) == [.mint, .mintAborted])
            #expect(entries.last?.code == "hsmUnavailable" && entries.last?.reason?.contains("keyNotFound") == true)
            #expect(entries.allSatisfy { $0.keyLabel == "sign-es256" && $0.custody == "development" })
        }
    }

    @Test func aDeadlineThatPassesAfterTheRecordIsRecordedAsAborted() async throws {
        try await CoreFixture.run(changing: { Self.oneLane(&$0) }) { fixture in
            try await fixture.loadBundle()
            var draft = try fixture.draft()
            draft.patience = .seconds(3)
            let lane = await HeldLane(fixture.core.hsm)
            let error = await refusal(fixture, draft)
            #expect(error?.code == .saturated)
            await lane.release()
            await fixture.core.shutdown()
            let entries = try fixture.entries().filter { $0.jti == draft.jti }
            #expect(entries.map(\.kind) == [.mint, .mintAborted])
        }
    }

    @Test func underStrictAMintThatNoCheckpointCoversIsRecordedAsAborted() async throws {
        try await CoreFixture.run(changing: { $0.logOptions.strict = true }) { fixture in
            try await fixture.loadBundle()
            fixture.core.signers.replace(with: [])
            let draft = try fixture.draft()
            #expect(await refusal(fixture, draft)?.code == .logUnavailable)
            while try fixture.entries().filter({ $0.jti == draft.jti }).count < 2 {
                try await Task.sleep(for: .milliseconds(2))
            }
            let entries = try fixture.entries().filter { $0.jti == draft.jti }
            #expect(entries.map(\.kind) == [.mint, .mintAborted])
            #expect(entries.last?.code == "logUnavailable" && entries.last?.reason?.contains("notSigned") == true)
        }
    }

    @Test func aKeyInQuarantineIsRefusedBeforeAnythingIsRecorded() async throws {
        try await CoreFixture.run { fixture in
            try await fixture.loadBundle()
            let draft = try fixture.draft()
            _ = try fixture.core.keys.signing(kid: draft.request.kid).hsm.path.key.quarantine()
            #expect(await refusal(fixture, draft)?.code == .hsmUnavailable)
            #expect(try fixture.entries().map(\.kind) == [.adminCoreStarted, .configLoaded])
            #expect(fixture.core.description.faults.count == 1)
            // The other keys go on.
            _ = try await fixture.core.sign(try fixture.draft("sign-eddsa").request)
        }
    }

    @Test func amongManyRequestsAtOnceExactlyTheReleasedOnesAreRecordedAndNotAborted() async throws {
        try await CoreFixture.run(changing: { $0.tokens[0].queueCapacity = 64 }) { fixture in
            try await fixture.loadBundle()
            let labels = ["sign-es256", "sign-eddsa", "sign-rs256", "sign-ps256"]
            let patience = [Duration.zero, .milliseconds(2), .milliseconds(30), .seconds(60)]
            var drafts: [MintDraft] = []
            for number in 0..<500 {
                var draft = try fixture.draft(labels[number % 4])
                draft.patience = patience[number / 4 % 4]
                drafts.append(draft)
            }
            let released = await withTaskGroup(of: (String, UInt64)?.self) { group in
                for draft in drafts {
                    group.addTask {
                        guard let record = try? await fixture.core.sign(draft.request) else { return nil }
                        return (draft.jti, record.index)
                    }
                }
                return await group.reduce(into: [String: UInt64]()) { result, one in
                    if let (jti, index) = one { result[jti] = index }
                }
            }
            await fixture.core.shutdown()
            let entries = try fixture.entries()
            let minted = entries.filter { $0.kind == .mint }.compactMap(\.jti)
            let aborted = entries.filter { $0.kind == .mintAborted }.compactMap(\.jti)
            #expect(!released.isEmpty && released.count < 500)
            #expect(Set(minted).count == minted.count && Set(aborted).count == aborted.count)
            #expect(Set(minted).subtracting(aborted) == Set(released.keys))
            for (jti, index) in released { #expect(entries[Int(index)].jti == jti) }
        }
    }

    /// Nothing but the test's own requests asks for the lane: no checkpoint is due.
    private static func oneLane(_ settings: inout CoreSettings, queue: Int = 1024) {
        settings.tokens[0].lanes = 1
        settings.tokens[0].queueCapacity = queue
        settings.checkpointInterval = .seconds(3600)
    }

    private func refusal(_ fixture: CoreFixture, _ draft: MintDraft) async -> CoreError? {
        do throws(CoreError) {
            _ = try await fixture.core.sign(draft.request)
            return nil
        } catch {
            return error
        }
    }

    /// Waits until the draft's mint is in the log.
    private func leaf(of draft: MintDraft, _ fixture: CoreFixture) async throws {
        while try !fixture.entries().contains(where: { $0.jti == draft.jti }) {
            try await Task.sleep(for: .milliseconds(2))
        }
    }
}
