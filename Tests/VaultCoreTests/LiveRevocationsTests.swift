import AuditLog
import CoreProtocol
import Testing

@testable import VaultCore

/// How much may be in force at once, and what takes whose place.
@Suite(.timeLimit(.minutes(10))) struct LiveRevocationsTests {
    @Test func whenTooManyAreInForceFurtherOnesAreRefusedAndNoneIsForgotten() throws {
        let now: Int64 = 1_800_000_000
        let live = LiveRevocations([], now: now)
        var entry = Entry(kind: .revoked)
        entry.until = now + 60
        for number in 0..<LiveRevocations.maximumRevoked {
            entry.jti = "token-number-\(number)"
            live.add(entry, now: now)
        }
        #expect(throws: CoreError(.saturated, "")) { try live.checkRoom(for: entry, now: now) }
        try live.checkRoom(for: event(0, now), now: now)
        #expect(live.counts.revoked == LiveRevocations.maximumRevoked)
        try live.checkRoom(for: entry, now: now + 61)
    }

    @Test func noClientTakesAllPlacesOfRevokedTokens() throws {
        let now: Int64 = 1_800_000_000
        func entry(_ number: Int, by client: String, for seconds: Int64 = 60) -> Entry {
            var entry = Entry(kind: .revoked)
            entry.jti = "token-of-\(client)-\(number)"
            entry.client = client
            entry.until = now + seconds
            return entry
        }
        let half = LiveRevocations.maximumRevoked / 2
        // What is found in the log at the start counts like what comes later.
        let found = (0..<half - 1).map { entry($0, by: "one") }
        let live = LiveRevocations(found, now: now)
        try live.checkRoom(for: entry(-1, by: "one"), now: now)
        live.add(entry(half - 1, by: "one", for: 30), now: now)
        #expect(throws: CoreError(.saturated, "")) { try live.checkRoom(for: entry(-1, by: "one"), now: now) }
        // Another has the other half, to the last place.
        for number in 0..<half - 1 { live.add(entry(number, by: "two"), now: now) }
        try live.checkRoom(for: entry(-1, by: "two"), now: now)
        try live.checkRoom(for: entry(-1, by: "third"), now: now)
        live.add(entry(half - 1, by: "two"), now: now)
        #expect(throws: CoreError(.saturated, "")) { try live.checkRoom(for: entry(-1, by: "two"), now: now) }
        #expect(throws: CoreError(.saturated, "")) { try live.checkRoom(for: entry(-1, by: "third"), now: now) }
        // A place that is over is free again, for whoever had it and no more than that.
        try live.checkRoom(for: entry(-1, by: "one"), now: now + 31)
        live.add(entry(-1, by: "one"), now: now + 31)
        #expect(throws: CoreError(.saturated, "")) { try live.checkRoom(for: entry(-2, by: "one"), now: now + 31) }
        try live.checkRoom(for: entry(-2, by: "one"), now: now + 61)
        #expect(live.counts.revoked == 0)
    }

    private func event(_ number: Int, _ now: Int64, user: String? = nil) -> Entry {
        var entry = Entry(kind: .cutoff)
        entry.subject = .init(iss: "https://idp.example", sub: user ?? "user-\(number)")
        entry.subjectType = "user"
        entry.jti = "event-\(number)"
        entry.iat = now
        entry.until = now + 60
        return entry
    }

    private func statement(_ number: Int, _ now: Int64) -> Entry {
        var entry = event(number, now, user: "person-\(number)")
        entry.jti = nil
        entry.operator = "anna SHA256:x"
        return entry
    }

    @Test func noNumberOfSecurityEventsKeepsPeopleOnCallFromCuttingOff() throws {
        let now: Int64 = 1_800_000_000
        let live = LiveRevocations([], now: now)
        func event(_ number: Int, of transmitter: String) -> Entry {
            var event = self.event(number, now)
            event.reason = "security event: session-revoked of \(transmitter)"
            return event
        }
        let half = LiveRevocations.maximumEvents / 2
        for number in 0..<half { live.add(event(number, of: "corp"), now: now) }
        #expect(throws: CoreError(.saturated, "")) { try live.checkRoom(for: event(-1, of: "corp"), now: now) }
        // What is about a user that has a place needs none; and another transmitter has its own.
        try live.checkRoom(for: event(0, of: "corp"), now: now)
        for number in half..<2 * half {
            if number % 1000 == 0 { try live.checkRoom(for: event(number, of: "partner"), now: now) }
            live.add(event(number, of: "partner"), now: now)
        }
        #expect(throws: CoreError(.saturated, "")) { try live.checkRoom(for: event(-1, of: "third"), now: now) }
        for number in 0..<LiveRevocations.maximumCutOffs {
            if number % 100 == 0 { try live.checkRoom(for: statement(number, now), now: now) }
            live.add(statement(number, now), now: now)
        }
        #expect(throws: CoreError(.saturated, "")) { try live.checkRoom(for: statement(-1, now), now: now) }
        try live.checkRoom(for: statement(-1, now), now: now + 61)
    }

    @Test func manyEventsAboutOneUserTakeOnePlace() throws {
        let now: Int64 = 1_800_000_000
        let live = LiveRevocations([], now: now)
        for number in 0..<100 {
            var event = self.event(number, now, user: "alice")
            event.iat = now - 100 + Int64(number)
            live.add(event, now: now)
        }
        #expect(live.counts.cutOffs == 1)
        #expect(live.entries(now: now).map(\.iat) == [now - 1])
    }

    @Test func aReaderTooManyIsNotAnsweredAtOnce() async throws {
        let live = LiveRevocations([], now: 0)
        for _ in 0..<64 { live.read(ReadRequest(from: 0, wait: .seconds(30))) { _ in } }
        let began = ContinuousClock.now
        let page = await withCheckedContinuation { continuation in
            live.read(ReadRequest(from: 0, wait: .seconds(30))) { continuation.resume(returning: $0) }
        }
        #expect(page.records.isEmpty && page.isComplete)
        #expect(ContinuousClock.now - began >= .milliseconds(900))
    }
}
