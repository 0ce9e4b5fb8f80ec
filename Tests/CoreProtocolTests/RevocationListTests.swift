import AuditLog
import CoreProtocol
import NIOCore
import StrictEncoding
import Testing

/// Whom a cut-off covers, and until when.
@Suite struct RevocationListTests {
    private static let now: Int64 = 1_800_000_000

    private func entry(
        _ kind: CutOff.Kind, _ name: String, issuer: String? = nil, upTo: Int64? = nil, until: Int64 = now + 60
    ) -> Entry {
        var entry = Entry(kind: .cutoff)
        entry.subject = .init(iss: issuer, sub: name)
        entry.subjectType = kind.rawValue
        entry.iat = upTo
        entry.until = until
        entry.time = UnixTime(seconds: Self.now)
        return entry
    }

    private func party(
        _ names: String..., issuer: String? = "https://idp.example", issued: Involved.IssueTime = .notTold
    ) -> Involved {
        Involved(parties: [.init(names: names, issuer: issuer, issued: issued)], clients: ["gateway"], target: "crm")
    }

    private func list(_ entries: Entry...) -> RevocationList {
        var list = RevocationList()
        for entry in entries { list.insert(entry, now: Self.now) }
        return list
    }

    @Test("a name is cut off wherever it stands, but not another issuer's", arguments: [CutOff.Kind.user, .agent])
    func parties(kind: CutOff.Kind) {
        let bare = list(entry(kind, "alice"))
        #expect(bare.cutOff(party("alice"), now: Self.now)?.kind == kind)
        #expect(bare.cutOff(party("corp:bob", "alice"), now: Self.now) != nil)
        #expect(bare.cutOff(party("alicea"), now: Self.now) == nil)
        let bound = list(entry(kind, "alice", issuer: "https://idp.example"))
        #expect(bound.cutOff(party("alice"), now: Self.now) != nil)
        #expect(bound.cutOff(party("alice", issuer: nil), now: Self.now) != nil)
        #expect(bound.cutOff(party("alice", issuer: "https://other.example"), now: Self.now) == nil)
    }

    @Test func clientsAndTargetsAreNamesOfTheirOwn() {
        #expect(list(entry(.client, "gateway")).cutOff(party("alice"), now: Self.now)?.kind == .client)
        #expect(list(entry(.target, "crm")).cutOff(party("alice"), now: Self.now)?.kind == .target)
        var chain = party("alice")
        chain.clients = ["server", "gateway"]
        for client in chain.clients { #expect(list(entry(.client, client)).cutOff(chain, now: Self.now) != nil) }
        #expect(list(entry(.client, "gate")).cutOff(chain, now: Self.now) == nil)
        #expect(list(entry(.client, "alice"), entry(.target, "alice")).cutOff(party("alice"), now: Self.now) == nil)
    }

    @Test(
        "an ended session stops what was issued up to then, and whatever does not say",
        arguments: [
            (Involved.IssueTime.unknown, true), (.byIssuer(now - 10), true), (.byIssuer(now - 9), false),
            (.byUs(now), true), (.byUs(now + 1), false), (.notTold, false),
        ])
    func sessions(issued: Involved.IssueTime, isCovered: Bool) {
        let list = list(entry(.user, "alice", upTo: Self.now - 10))
        #expect((list.cutOff(party("alice", issued: issued), now: Self.now) != nil) == isCovered)
    }

    @Test func ofAUsersEndedSessionsTheLastCountsFromWhomeverItComes() {
        func event(_ transmitter: String, _ upTo: Int64, jti: String = "1") -> Entry {
            var event = entry(.user, "alice", issuer: "https://idp.example", upTo: upTo)
            event.jti = jti
            event.reason = "security event: session-revoked of \(transmitter)"
            return event
        }
        var list = list(event("corp", Self.now - 60))
        #expect(list.holdsEvent(event("corp", Self.now - 60), now: Self.now))
        #expect(!list.holdsEvent(event("partner", Self.now), now: Self.now))
        list.insert(event("partner", Self.now), now: Self.now)
        #expect(list.cutOff(party("alice", issued: .byIssuer(Self.now)), now: Self.now) != nil)
        #expect(list.eventCount == 1 && list.cutOffCount == 1)
        // Whoever sends more about the same user, or older things, takes no further place.
        for number in 0..<10 {
            let old = event("corp", Self.now - Int64(number), jti: "more-\(number)")
            #expect(list.holdsEvent(old, now: Self.now))
            let isNew = list.insert(old, now: Self.now)
            #expect(!isNew)
        }
        #expect(list.eventCount == 1 && list.cutOffCount == 1)
        // Also where the older one would be kept for longer, because it came later.
        var late = event("corp", Self.now - 30, jti: "late")
        late.until = (late.until ?? 0) + 20
        #expect(list.holdsEvent(late, now: Self.now) && !list.insert(late, now: Self.now))
        #expect(list.cutOff(party("alice", issued: .byIssuer(Self.now)), now: Self.now) != nil)
        list.removeExpired(now: Self.now + 60)
        #expect(list.eventCount == 0)
    }

    @Test func whatIsOverStopsNothingAndIsForgotten() {
        var revoked = Entry(kind: .revoked)
        revoked.jti = "0123456789abcdef"
        revoked.until = Self.now + 60
        var list = list(entry(.user, "alice"), entry(.user, "alice"), revoked)
        #expect(list.cutOffCount == 1 && list.revokedCount == 1)
        #expect(list.isRevoked("0123456789abcdef", now: Self.now + 59))
        #expect(!list.isRevoked("0123456789abcdef", now: Self.now + 60))
        #expect(list.cutOff(party("alice"), now: Self.now + 60) == nil)
        list.removeExpired(now: Self.now + 60)
        #expect(list.cutOffCount == 0 && list.revokedCount == 0)
    }

    @Test func anEntryThatIsOverOrSaysTooLittleIsNotTaken() {
        var cutOff = Entry(kind: .cutoff)
        cutOff.until = Self.now + 60
        let list = list(
            entry(.user, "alice", until: Self.now), entry(.target, "crm", issuer: "https://idp.example"), cutOff,
            Entry(kind: .mint))
        #expect(list.cutOffCount == 0)
    }

    @Test func aPageTravelsUnchangedAndADamagedOneIsRefused() throws {
        let page = LiveEntries(records: [.init(number: 7, entry: entry(.user, "alice"))], isComplete: true)
        #expect(try LiveEntries(payload: page.payload) == page)
        let bytes = Array(page.payload.readableBytesView)
        for payload in (0..<bytes.count).map({ bytes.prefix($0) }) + [bytes[...] + [0]] {
            #expect(throws: CoreError.self) { try LiveEntries(payload: ByteBuffer(bytes: payload)) }
        }
        let request = ReadRequest(from: 9, wait: .seconds(3600))
        #expect(try ReadRequest(payload: request.payload) == request && request.wait == ReadRequest.maximumWait)
    }
}
