import StrictEncoding
import Testing

@testable import AuditLog

@Suite struct EntryFilterTests {
    private static let mint: Entry = {
        var entry = EntryTests.full
        entry.kind = .mint
        entry.detail = nil
        entry.subject = nil
        entry.user = .init(iss: nil, sub: "alice")
        entry.actors = [.init(iss: nil, sub: "assistant"), .init(iss: nil, sub: "helper")]
        return entry
    }()

    @Test func eachMemberMustMatchExactly() {
        let members: [(WritableKeyPath<EntryFilter, String?>, String)] = [
            (\.user, "alice"), (\.agent, "assistant"), (\.agent, "helper"), (\.client, "gateway-mcp"),
            (\.target, "demo-api"), (\.tool, "crm.update_opportunity"), (\.rule, "crm-update"), (\.kind, "mint"),
        ]
        for (member, value) in members {
            for (wanted, isMatch) in [(value, true), (value + "x", false), (String(value.dropLast()), false)] {
                var filter = EntryFilter()
                filter[keyPath: member] = wanted
                #expect(filter.matches(Self.mint) == isMatch)
            }
        }
    }

    @Test func decisionAndTimeAreConditionsToo() {
        var filter = EntryFilter()
        filter.decision = .granted
        #expect(filter.matches(Self.mint))
        filter.decision = .denied
        #expect(!filter.matches(Self.mint) && filter.matches(Entry(kind: .mintAborted)))
        #expect(!filter.matches(Entry(kind: .adminCoreStarted)))
        filter = EntryFilter()
        filter.since = UnixTime(milliseconds: 1_800_000_000_123)
        #expect(filter.matches(Self.mint))
        filter.until = filter.since
        #expect(!filter.matches(Self.mint))
        #expect(!filter.matches(Entry(kind: .mint)))
    }

    @Test func aCutOffIsFoundUnderWhomItIsAbout() {
        var entry = Entry(kind: .cutoff)
        entry.subject = .init(iss: nil, sub: "bob")
        entry.subjectType = "user"
        var filter = EntryFilter()
        filter.user = "bob"
        #expect(filter.matches(entry))
        entry.subjectType = "agent"
        #expect(!filter.matches(entry))
    }

    @Test func ofAnEntryOfANewerVersionKindAndTimeAreAllThatIsJudged() {
        let bytes = Array(#"{"kind":"mint.promised","time":"2027-01-15T08:00:00.000Z","user":7}"#.utf8)
        var filter = EntryFilter()
        #expect(filter.answer(bytes) == .unread)
        filter.user = "alice"
        filter.since = UnixTime(rfc3339: "2027-01-15T08:00:00.000Z")
        for kind in ["mint", "mint.promised"] {
            filter.kind = kind
            #expect(filter.answer(bytes) == .unread)
        }
        filter.kind = "mint.prom"
        #expect(filter.answer(bytes) == .unwanted)
        filter.kind = nil
        filter.until = filter.since
        #expect(filter.answer(bytes) == .unwanted)
        #expect(EntryFilter().answer(Array("no JSON".utf8)) == .unread)
    }

    @Test func aMintThatCameToNothingIsNoUseOfItsRule() async throws {
        let fixture = try TestLog()
        let log = try fixture.open()
        for jti in ["a", "b"] {
            var mint = Self.mint
            mint.jti = jti
            if jti == "b" { mint.user = .init(iss: nil, sub: "bob") }
            _ = try await log.append(mint)
        }
        var aborted = Self.mint
        (aborted.kind, aborted.jti) = (.mintAborted, "b")
        _ = try await log.append(aborted)
        // A newer version's word that nobody got a credential is as good.
        var third = Self.mint
        third.jti = "f"
        _ = try await log.append(third)
        try await log.appendForeign(kind: "mint.aborted")
        try await log.appendForeign()
        try await log.close()
        var mints = EntryFilter()
        mints.kind = "mint"
        for filter in [EntryFilter(), mints] {
            let (uses, unread) = try RuleUse.collect(LogSeries(directory: fixture.directory), filter: filter)
            #expect(uses["crm-update"]?.granted == 1 && uses["crm-update"]?.denied == 0)
            #expect(uses["crm-update"]?.users == ["alice"])
            // The foreign abort is of a mint, and of no use.
            #expect(unread == 2)
        }
    }

    @Test func theUseOfRulesIsCounted() async throws {
        let fixture = try TestLog()
        let log = try fixture.open()
        var denied = Self.mint
        denied.kind = .denied
        denied.ruleID = "no-deletes"
        denied.count = 40
        for entry in [Self.mint, Self.mint, denied] { _ = try await log.append(entry) }
        try await log.close()
        let (uses, unread) = try RuleUse.collect(LogSeries(directory: fixture.directory))
        #expect(unread == 0)
        #expect(uses["crm-update"]?.granted == 2)
        #expect(uses["crm-update"]?.users == ["alice"])
        #expect(uses["crm-update"]?.agents == ["assistant", "helper"])
        #expect(uses["no-deletes"]?.denied == 40)
        #expect(uses["no-deletes"]?.lastGranted == nil)
    }
}
