import CPKCS11
import Testing

@testable import HSMBridge

@Suite("Values of PKCS#11 and their encodings")
struct ValueTests {
    @Test func errorsNameTheFunctionAndTheValue() {
        #expect(HSMError(.sign, .deviceError).description == "C_Sign: CKR_DEVICE_ERROR (0x30)")
        #expect(HSMError(.sign, ReturnValue(rawValue: 0x8000_0001)).description == "C_Sign: 0x80000001")
        #expect(HSMError(.sign, .deviceError) == HSMError(.login, .pinIncorrect))
        #expect(HSMError(.saturated, retryAfterMilliseconds: 7).description == "saturated, retry after 7 ms")
    }

    @Test(
        arguments: [
            (0x05, .ambiguous), (0x06, .ambiguous), (0x02, .ambiguous), (0x8000_0000, .ambiguous), (0x30, .token),
            (0x31, .token), (0x32, .token), (0xe0, .token), (0xb0, .session), (0xb3, .session), (0x90, .session),
            (0x101, .login), (0xa0, .login), (0x60, .handle), (0x82, .handle), (0x190, .library), (0x21, .operation),
            (0x70, .operation), (0x63, .operation), (0x68, .operation),
        ] as [(UInt, FailureClass)])
    func everyReturnValueHasItsClass(value: UInt, expected: FailureClass) {
        #expect(ReturnValue(rawValue: value).failureClass == expected)
    }

    @Test func derOfSignaturesIsMinimalAndPositive() {
        // RFC 3279 section 2.2.3: SEQUENCE of two INTEGERs; a leading zero only before a high bit (X.690 section 8.3.2).
        func der(_ r: [UInt8], _ s: [UInt8]) -> [UInt8] {
            func pad(_ number: [UInt8]) -> [UInt8] { [UInt8](repeating: 0, count: 32 - number.count) + number }
            return SignatureForm.der.encode(pad(r) + pad(s), algorithm: .es256)
        }
        #expect(der([1], [2]) == [0x30, 6, 2, 1, 1, 2, 1, 2])
        #expect(der([0x80], [0x7f]) == [0x30, 7, 2, 2, 0, 0x80, 2, 1, 0x7f])
        let high = [UInt8](repeating: 0xff, count: 32)
        #expect(der(high, high) == [0x30, 70, 2, 33, 0] + high + [2, 33, 0] + high)
        #expect(SignatureForm.jose.encode([1, 2], algorithm: .es256) == [1, 2])
    }

    @Test func theDigestInfoIsTheOneOfRFC8017() {
        var room: [UInt8] = []
        SigningInput([], algorithm: .rs256).write(to: &room, message: [], mechanism: .plain(.rsaPKCS))
        #expect(room.count == 51)
        // RFC 8017 section 9.2 note 1, and SHA-256 of nothing (FIPS 180-4).
        #expect(
            Array(room.prefix(19)) == [
                0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
                0x04,
                0x20,
            ])
        #expect(Array(room[19..<23]) == [0xe3, 0xb0, 0xc4, 0x42])
    }

    @Test func attributesAreLaidOutAsTheTokenReadsThem() {
        let template: [Attribute] = [
            .flag(.sensitive, true), .number(.keyType, 3), .text(.label, "abc"), .data(.id, []),
            .numbers(.allowedMechanisms, [0x1041, 0x1057]),
        ]
        // Safety: the template is read inside the closure only.
        let seen: [[UInt8]] = unsafe template.withTemplate { attributes, count in
            // Safety: as above.
            unsafe UnsafeBufferPointer(start: attributes, count: Int(count)).map { attribute in
                // Safety: as above.
                unsafe Array(UnsafeRawBufferPointer(start: attribute.pValue, count: Int(attribute.ulValueLen)))
            }
        }
        #expect(seen == template.map(\.bytes))
        #expect(seen[1] == [3, 0, 0, 0, 0, 0, 0, 0] && seen[4].count == 16)
    }

    @Test func theBreakerCountsOnlyFailuresInARow() {
        var breaker = CircuitBreaker()
        for _ in 0..<5 {
            for _ in 0..<2 { _ = breaker.failed(now: 0, isSevere: false, jitter: 0.5) }
            breaker.succeeded(isCanary: false)
        }
        #expect(breaker.isClosed)
        let opened = (0..<3).map { _ in breaker.failed(now: 0, isSevere: false, jitter: 0.5) }
        #expect(opened == [false, false, true])
    }

    @Test func theBreakerWaitsLongerAfterEachFailedCanary() {
        var breaker = CircuitBreaker()
        var now: Int64 = 0
        var pauses: [Int64] = []
        #expect([breaker.failed(now: now, isSevere: true, jitter: 0.5)] == [true])
        for _ in 0..<6 {
            guard let pause = breaker.refusal(now: now) else { break }
            pauses.append(pause / 1_000_000)
            let early = breaker.beginProbe(now: now + pause - 1)
            let due = breaker.beginProbe(now: now + pause)
            let again = breaker.beginProbe(now: now + pause)
            #expect([early, due, again] == [false, true, false])
            now += pause
            _ = breaker.failed(now: now, isSevere: true, jitter: 0.5)
        }
        #expect(pauses == [250, 500, 1000, 2000, 2000, 2000])
        _ = breaker.beginProbe(now: .max)
        breaker.succeeded(isCanary: true)
        #expect(breaker.isClosed && breaker.refusal(now: now) == nil)
    }

    @Test func aSignatureFromBeforeTheBreakerOpenedDoesNotCloseIt() {
        var breaker = CircuitBreaker()
        _ = breaker.failed(now: 0, isSevere: true, jitter: 0.5)
        for isCanary in [false, true] {
            breaker.succeeded(isCanary: isCanary)
            #expect(breaker.state == .open(until: 250_000_000))
        }
        _ = breaker.beginProbe(now: .max)
        breaker.succeeded(isCanary: false)
        #expect(breaker.state == .halfOpen)
        breaker.succeeded(isCanary: true)
        #expect(breaker.isClosed)
    }

    @Test(
        arguments: [
            (4, 255, 4...255), (0, 0, 0...255), (4, 0, 4...255), (6, ~0, 6...255), (~0, ~0, 0...255), (8, 4, 8...8),
        ] as [(CK_ULONG, CK_ULONG, ClosedRange<Int>)])
    func aTokenThatTellsNoLimitOfPINsTakesWhatTheBridgeTakes(least: CK_ULONG, most: CK_ULONG, taken: ClosedRange<Int>) {
        var raw = CK_TOKEN_INFO()
        raw.ulMinPinLen = least
        raw.ulMaxPinLen = most
        let info = TokenInfo(raw)
        for length in [0, 1, 3, 4, 5, 6, 7, 8, 9, 16, 255, 256] {
            #expect(info.takes(pinOfLength: length) == taken.contains(length), "\(length)")
        }
    }

    @Test(
        arguments: [(7, 3, true), (6, 3, false), (0, 64, true), (3, 1, true), (2, 1, false)] as [(CK_ULONG, Int, Bool)])
    func aBenchmarkHasRoomForItsLanesAndAsManyPlainLoops(sessions: CK_ULONG, lanes: Int, fits: Bool) throws {
        var raw = CK_TOKEN_INFO()
        raw.ulMaxSessionCount = sessions
        let info = TokenInfo(raw)
        if fits {
            try SignatureBenchmark.demandSessions(for: lanes, of: info)
        } else {
            let error = #expect(throws: HSMError.self) { try SignatureBenchmark.demandSessions(for: lanes, of: info) }
            #expect(error?.returnValue == .sessionCount && error?.context?.contains("\(sessions) sessions") == true)
        }
    }

    @Test func anIdleTokenThatHangsIsRedWithinFiveSeconds() {
        let configuration = HSM.Configuration()
        #expect(configuration.heartbeat + configuration.canaryLimit + LanePool.tick * 2 < .seconds(5))
        #expect(configuration.hangLimit + LanePool.tick * 2 < .seconds(5))
    }

    @Test func checkpointsAndSealedSecretsHavePlacesOfTheirOwn() {
        let classes = KeyPurpose.allCases.map { "\($0.rawValue) \($0.workClass)" }
        #expect(classes == ["signing minting", "assertion minting", "checkpoint upkeep", "tls tls", "kek upkeep"])
    }

    @Test func queuesStayInOrderHoweverLongTheyLive() {
        var queue = WorkQueue<Int>()
        var next = 0
        var expected = 0
        for round in 0..<500 {
            for _ in 0..<(round % 7) {
                queue.append(
                    .init(
                        work: next, workClass: .minting, kind: .task, deadline: 0, patience: 0, isExclusive: false))
                next += 1
            }
            for _ in 0..<(round % 5) where !queue.isEmpty {
                #expect(queue.popFirst()?.work == expected)
                expected += 1
            }
        }
        #expect(queue.count == next - expected)
        #expect(queue.remove { _ in true }.map(\.work) == Array(expected..<next))
        #expect(queue.isEmpty && queue.prudentTime([ServiceEstimate](repeating: .init(), count: 6)) == 0)
    }
}
