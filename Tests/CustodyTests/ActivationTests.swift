import Custody
import StrictEncoding
import Synchronization
import Testing

@Suite struct ActivationTests {
    private static func random(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: .min ... .max) }
    }

    private static func offer(_ desk: ActivationDesk) throws -> ActivationDesk.Offer {
        try desk.offer(lifetime: 1800, random: random)
    }

    @Test func enoughCustodiansGiveTheSecret() throws {
        let fixture = try QuorumFixture()
        let desk = try fixture.desk()
        let request = try ActivationTests.offer(desk).request
        let first = try fixture.contribution(2, to: request)
        guard case .waiting(let progress) = try desk.contribute(file: first.file, signature: first.signature) else {
            Issue.record("one of two was enough")
            return
        }
        #expect(progress.contributed == ["carol"] && progress.missing == ["alice", "bob"])
        let second = try fixture.contribution(0, to: request)
        guard
            case .complete(let secret, let people, let hash) = try desk.contribute(
                file: second.file, signature: second.signature)
        else {
            Issue.record("two of two were not enough")
            return
        }
        #expect(secret.hasSameBytes(as: fixture.secret) && people == ["alice", "carol"] && hash == request.hash)
        #expect(desk.progress.isEmpty)
    }

    @Test func theSameCustodianTwiceCountsOnce() throws {
        let fixture = try QuorumFixture()
        let desk = try fixture.desk()
        let request = try ActivationTests.offer(desk).request
        for turn in 0..<2 {
            let alice = try fixture.contribution(0, to: request)
            if turn == 0 {
                _ = try desk.contribute(file: alice.file, signature: alice.signature)
            } else {
                #expect(throws: CustodyError(.repeated, "")) {
                    try desk.contribute(file: alice.file, signature: alice.signature)
                }
            }
        }
        #expect(desk.progress[0].contributed == ["alice"])
    }

    @Test func aShareUnderAnothersNameIsRefused() throws {
        let fixture = try QuorumFixture()
        let desk = try fixture.desk()
        let request = try ActivationTests.offer(desk).request
        let wrong = try fixture.contribution(0, to: request, signer: 1)
        #expect(throws: CustodyError(.wrongShare, "")) {
            try desk.contribute(file: wrong.file, signature: wrong.signature)
        }
        #expect(desk.progress[0].contributed.isEmpty)
    }

    @Test func aShareWithOneBitChangedIsNamedBeforeItIsUsed() throws {
        let fixture = try QuorumFixture()
        let desk = try fixture.desk()
        let request = try ActivationTests.offer(desk).request
        var bytes = fixture.shares[0].encoded.exposed
        bytes[bytes.count - 1] ^= 1
        let wrong = try fixture.contribution(0, to: request, share: LockedBytes(copying: bytes))
        do {
            _ = try desk.contribute(file: wrong.file, signature: wrong.signature)
            Issue.record("a changed share was taken")
        } catch {
            #expect(error.code == .wrongShare && error.reason.contains("alice"))
        }
        // The right one is still welcome.
        let right = try fixture.contribution(0, to: request)
        #expect(throws: Never.self) { try desk.contribute(file: right.file, signature: right.signature) }
    }

    @Test func aShareOfAnOldEpochIsRefused() throws {
        let fixture = try QuorumFixture()
        let desk = try fixture.desk()
        let request = try ActivationTests.offer(desk).request
        let old = try Share.make(
            of: fixture.secret, appliance: QuorumFixture.appliance, epoch: 9, threshold: 2, count: 3)[0]
        let wrong = try fixture.contribution(0, to: request, share: old.encoded)
        #expect(throws: CustodyError(.stale, "")) { try desk.contribute(file: wrong.file, signature: wrong.signature) }
    }

    @Test func contributionsForAnotherRequestAnotherStartOrAStrangerAreRefused() throws {
        let fixture = try QuorumFixture()
        let (desk, other) = (try fixture.desk(), try fixture.desk())
        _ = try ActivationTests.offer(desk)
        let replayed = try fixture.contribution(0, to: try ActivationTests.offer(other).request)
        #expect(throws: CustodyError(.stale, "")) {
            try desk.contribute(file: replayed.file, signature: replayed.signature)
        }
        let stranger = try QuorumFixture()
        let request = try ActivationTests.offer(desk).request
        let foreign = try stranger.contribution(0, to: request)
        #expect(throws: CustodyError(.stranger, "")) {
            try desk.contribute(file: foreign.file, signature: foreign.signature)
        }
        let right = try fixture.contribution(0, to: request)
        #expect(throws: CustodyError(.badSignature, "")) {
            try desk.contribute(file: right.file + [0], signature: right.signature)
        }
        #expect(throws: CustodyError(.wrongNamespace, "")) {
            try desk.contribute(file: right.file, signature: try fixture.people[0].sign(right.file, .order))
        }
    }

    @Test func aRequestThatHasEndedTakesNothing() throws {
        let fixture = try QuorumFixture()
        let time = Mutex(QuorumFixture.now)
        let desk = try ActivationDesk(
            chain: fixture.chain, hostKey: fixture.host, build: "b", clock: { time.withLock { $0 } })
        let request = try ActivationTests.offer(desk).request
        let right = try fixture.contribution(0, to: request)
        time.withLock { $0 = $0.adding(seconds: 1800) }
        #expect(throws: CustodyError(.stale, "")) { try desk.contribute(file: right.file, signature: right.signature) }
        #expect(desk.progress.isEmpty)
    }

    @Test func aCancelledRequestTakesNothingAndOthersGoOn() throws {
        let fixture = try QuorumFixture()
        let desk = try fixture.desk()
        let (first, second) = (try ActivationTests.offer(desk).request, try ActivationTests.offer(desk).request)
        try desk.cancel(request: first.hash)
        let late = try fixture.contribution(0, to: first)
        #expect(throws: CustodyError(.stale, "")) { try desk.contribute(file: late.file, signature: late.signature) }
        let right = try fixture.contribution(0, to: second)
        #expect(throws: Never.self) { try desk.contribute(file: right.file, signature: right.signature) }
        #expect(throws: CustodyError(.stale, "")) { try desk.cancel(request: first.hash) }
    }

    @Test func floodingWithRequestsDoesNotPushOutOneThatHasShares() throws {
        let fixture = try QuorumFixture()
        let desk = try fixture.desk()
        let request = try ActivationTests.offer(desk).request
        let right = try fixture.contribution(0, to: request)
        _ = try desk.contribute(file: right.file, signature: right.signature)
        for _ in 0..<100 { _ = try ActivationTests.offer(desk) }
        #expect(desk.progress.contains { $0.request.hash == request.hash && $0.contributed == ["alice"] })
        #expect(desk.progress.count <= 8)
    }

    @Test func whoeverAsksAgainAndAgainPushesOutNobodysRequestButHisOwn() throws {
        let desk = try QuorumFixture().desk()
        func ask(_ user: UInt32?) throws -> String {
            try desk.offer(lifetime: 1800, user: user, random: ActivationTests.random).request.hash
        }
        let others = [try ask(1000), try ask(nil), try ask(1001)]
        for _ in 0..<100 { _ = try ask(2000) }
        let open = desk.progress.map(\.request.hash)
        #expect(open.count == 8 && Array(open.prefix(3)) == others)
        // Who comes when it is full takes the place of whoever has most.
        let late = try ask(1002)
        #expect(desk.progress.map(\.request.hash).prefix(3) == others[...] && desk.progress.last?.request.hash == late)
        for _ in 0..<100 { _ = try ask(2000) }
        let kept = Set(desk.progress.map(\.request.hash))
        #expect(kept.isSuperset(of: others + [late]))
    }

    @Test func anImpostorsRequestIsRefusedByTheCustodian() throws {
        let fixture = try QuorumFixture()
        let offer = try ActivationTests.offer(try fixture.desk())
        let chain = try fixture.chain
        #expect(throws: Never.self) {
            try offer.request.verify(signature: offer.signature, chain: chain, now: QuorumFixture.now)
        }
        let impostor = try SSHPrivateKey().sign(
            offer.request.bytes, namespace: SignaturePurpose.request.namespace)
        #expect(throws: CustodyError(.stranger, "")) {
            try offer.request.verify(signature: impostor, chain: chain, now: QuorumFixture.now)
        }
        var changed = offer.request
        changed.recipient = try AgeIdentity().recipient.description
        #expect(throws: CustodyError(.badSignature, "")) {
            try changed.verify(signature: offer.signature, chain: chain, now: QuorumFixture.now)
        }
        #expect(throws: CustodyError(.expired, "")) {
            try offer.request.verify(
                signature: offer.signature, chain: chain, now: QuorumFixture.now.adding(seconds: 1800))
        }
        let next = try ManifestChain(verifying: [fixture.genesis, try fixture.successor()])
        #expect(throws: CustodyError(.stale, "")) {
            try offer.request.verify(signature: offer.signature, chain: next, now: QuorumFixture.now)
        }
    }

    /// Whoever stole the host key goes on signing with it after it was replaced.
    @Test func aRequestUnderAHostKeyThatWasReplacedIsRefusedByName() throws {
        let fixture = try QuorumFixture()
        let new = try SSHPrivateKey()
        let chain = try ManifestChain(verifying: [
            fixture.genesis, try fixture.successor { $0.hostKey = new.publicKey.line },
        ])
        let desk = try ActivationDesk(chain: chain, hostKey: new, build: "b", clock: { QuorumFixture.now })
        let offer = try ActivationTests.offer(desk)
        #expect(throws: Never.self) {
            try offer.request.verify(signature: offer.signature, chain: chain, now: QuorumFixture.now)
        }
        let stolen = try fixture.host.sign(offer.request.bytes, namespace: SignaturePurpose.request.namespace)
        let error = #expect(throws: CustodyError(.stranger, "")) {
            try offer.request.verify(signature: stolen, chain: chain, now: QuorumFixture.now)
        }
        let reason = error?.reason ?? ""
        #expect(reason.contains(fixture.host.publicKey.fingerprint) && reason.contains("manifest 2 replaced"))
        // It opens no desk either, and it still does for the manifest that named it.
        #expect(throws: CustodyError(.foreign, "")) {
            try ActivationDesk(chain: chain, hostKey: fixture.host, build: "b", clock: { QuorumFixture.now })
        }
        let before = try ActivationTests.offer(try fixture.desk())
        #expect(throws: Never.self) {
            try before.request.verify(
                signature: before.signature, chain: fixture.chain, now: QuorumFixture.now)
        }
    }

    @Test func aRequestIsReadBackAsItWasWrittenAndNoOtherWay() throws {
        let fixture = try QuorumFixture()
        let request = try ActivationTests.offer(try fixture.desk()).request
        #expect(try ActivationRequest(file: request.bytes) == request)
        #expect(request.words.split(separator: "-").allSatisfy { $0.count == 5 } && request.words.count == 23)
        #expect(throws: CustodyError(.malformed, "")) { try ActivationRequest(file: [0x20] + request.bytes) }
        #expect(throws: CustodyError(.malformed, "")) { try ActivationRequest(file: Array("{}".utf8)) }
    }

    @Test func anotherHostKeyOpensNoDesk() throws {
        let fixture = try QuorumFixture()
        #expect(throws: CustodyError(.foreign, "")) {
            try ActivationDesk(
                chain: fixture.chain, hostKey: try SSHPrivateKey(), build: "b", clock: { QuorumFixture.now })
        }
    }

    @Test func aPINOpensUnderItsSecretSerialAndEpochAlone() throws {
        let secret = try LockedBytes.random(count: 32)
        let pin = try LockedBytes(copying: Array("493021774".utf8))
        var pins = WrappedPINs(appliance: QuorumFixture.appliance, epoch: 1)
        try pins.wrap(pin, serial: "one", under: secret)
        let read = try WrappedPINs(file: pins.bytes)
        #expect(try read.unwrap(serial: "one", under: secret).hasSameBytes(as: pin))
        #expect(!String(decoding: pins.bytes, as: UTF8.self).contains("493021774"))
        #expect(throws: CustodyError(.foreign, "")) { try read.unwrap(serial: "two", under: secret) }
        #expect(throws: CustodyError(.notOpened, "")) {
            try read.unwrap(serial: "one", under: LockedBytes.random(count: 32))
        }
        let text = String(decoding: pins.bytes, as: UTF8.self)
        for (from, to) in [("\"epoch\":1", "\"epoch\":2"), ("\"one\"", "\"two\"")] {
            let changed = try WrappedPINs(file: Array(text.replacing(from, with: to).utf8))
            #expect(throws: CustodyError(.notOpened, "")) {
                try changed.unwrap(serial: to == "\"two\"" ? "two" : "one", under: secret)
            }
        }
    }

    @Test func anOrderIsForOneRunAndOfOneOfThePeople() throws {
        let fixture = try QuorumFixture()
        let order = Order(
            action: .seal, appliance: QuorumFixture.appliance, instance: "run-1", subject: "",
            expires: QuorumFixture.now.adding(seconds: 300), nonce: String(repeating: "7", count: 32))
        let signature = try fixture.people[1].sign(order.bytes, .order)
        func verify(_ order: Order, _ signature: String, run: String = "run-1", later: Int64 = 0) throws -> String {
            try order.verify(
                signature: signature, manifest: fixture.genesis, instance: run,
                now: QuorumFixture.now.adding(seconds: later))
        }
        #expect(try verify(try Order(file: order.bytes), signature) == "bob")
        #expect(throws: CustodyError(.stale, "")) { try verify(order, signature, run: "run-2") }
        #expect(throws: CustodyError(.expired, "")) { try verify(order, signature, later: 300) }
        #expect(throws: CustodyError(.stranger, "")) {
            try verify(order, try QuorumFixture().people[0].sign(order.bytes, .order))
        }
        var abort = order
        (abort.action, abort.subject, abort.reason) = (.abort, "drill-0123456789ab", "the words differ")
        #expect(try Order(file: abort.bytes) == abort && abort.hash != order.hash)
        var vouching = order
        (vouching.action, vouching.reason) = (.acceptTime, "NTP was wrong")
        #expect(try Order(file: vouching.bytes) == vouching)
        for (action, reason) in [
            (Order.Action.abort, ""), (.seal, "why"), (.abort, "two\nlines"), (.acceptTime, ""), (.prune, "why"),
        ] {
            var wrong = order
            (wrong.action, wrong.reason) = (action, reason)
            #expect(throws: CustodyError(.malformed, "")) { try Order(file: wrong.bytes) }
        }
        var other = order
        other.action = .quarantine
        #expect(throws: CustodyError(.badSignature, "")) { try verify(other, signature) }
    }
}
