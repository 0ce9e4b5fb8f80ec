import Testing
import VaultTesting

@testable import HSMBridge

@Suite("Recovery from failures of the device")
struct RecoveryTests {
    private func sign(_ key: SigningKey) async throws {
        _ = try await key.sign(Harness.message, deadline: .now + .seconds(3600))
    }

    @Test(
        arguments: [
            0xb3, 0xb0, 0x90, 0x91, 0x101, 0x60, 0x82,
        ] as [UInt])
    func oneLossOfASessionALoginOrAHandleIsNotSeenByTheCaller(value: UInt) async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            for function in ["C_SignInit", "C_Sign"] {
                try faults.next(function, "return \(value)")
                try await sign(key)
                try await sign(key)
            }
            #expect(hsm.status.faults.isEmpty)
        }
    }

    @Test func everyKindOfLossInOneSignatureIsNotSeenByTheCaller() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            try faults.next(
                "C_SignInit", "return CKR_SESSION_HANDLE_INVALID", "return CKR_USER_NOT_LOGGED_IN",
                "return CKR_KEY_HANDLE_INVALID")
            try await sign(key)
        }
    }

    @Test(arguments: ["CKR_SESSION_HANDLE_INVALID", "CKR_USER_NOT_LOGGED_IN", "CKR_KEY_HANDLE_INVALID"])
    func theSameLossOverAndOverIsNotSeenByTheCallerUntilItIsTheRule(code: String) async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            func lose(_ times: Int) throws -> Int {
                try faults.next("C_SignInit", [String](repeating: "return \(code)", count: times))
                return try faults.calls(of: "C_SignInit")
            }
            var before = try lose(Recoveries.losses)
            try await sign(key)
            #expect(try faults.calls(of: "C_SignInit") == before + Recoveries.losses + 1)
            before = try lose(Recoveries.losses + 1)
            await #expect(throws: HSMError(.device)) { try await sign(key) }
            #expect(try faults.calls(of: "C_SignInit") == before + Recoveries.losses + 1)
            try await sign(key)
        }
    }

    @Test func nothingIsRecoveredFromForACallerWhoHasGone() {
        func permitted(_ kinds: FailureClass..., until: ContinuousClock.Instant?) -> [Bool] {
            var recoveries = Recoveries(until: until, doubts: 1)
            return kinds.map { recoveries.permit($0) } + [recoveries.isTokenCleared]
        }
        #expect(permitted(.session, .ambiguous, until: .now - .seconds(1)) == [false, false, false])
        #expect(permitted(.session, .session, until: .now + .seconds(3600)) == [true, true, false])
        #expect(permitted(.ambiguous, .login, .ambiguous, until: nil) == [true, true, false, true])
    }

    @Test(arguments: ["CKR_GENERAL_ERROR", "CKR_SESSION_HANDLE_INVALID"])
    func aCanaryThatMeetsWithALossOfItsOwnHasASecondTry(code: String) async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let before = try faults.calls(of: "C_Sign")
            try faults.next("C_Sign", "return CKR_GENERAL_ERROR", "return \(code)")
            try await sign(key)
            // The failure, two canaries, the second try.
            #expect(try faults.calls(of: "C_Sign") == before + 4)
        }
    }

    @Test func sessionsClosedBehindOurBackAreReplaced() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 2)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            try faults.next("C_SignInit", "drop-sessions")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 { group.addTask { try await sign(key) } }
                try await group.waitForAll()
            }
            #expect(hsm.status.faults.isEmpty && hsm.status.login == .loggedIn)
        }
    }

    @Test func aDeadHandleIsLookedUpOnceHoweverManyLanesSeeIt() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 3)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let before = try faults.calls(of: "C_FindObjectsInit")
            try faults.next("C_SignInit", "return CKR_KEY_HANDLE_INVALID")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 { group.addTask { try await sign(key) } }
                try await group.waitForAll()
            }
            // One look-up is a search for the private key and one for the public key.
            #expect(try faults.calls(of: "C_FindObjectsInit") == before + 2)
        }
    }

    @Test func aKeyThatVanishedIsNotFoundAndTheTokenIsNotBlamed() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, _ in
            let key = try await Harness.signingKey(hsm)
            let session = try hsm.login.openSession(readWrite: true)
            try session.destroy(key.path.key.handle.object)
            for _ in 0..<5 { await #expect(throws: HSMError(.keyNotFound)) { try await sign(key) } }
            #expect(hsm.status.breaker == .closed)
        }
    }

    @Test func anAmbiguousFailureIsRetriedWhenACanaryIsSigned() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let before = try faults.calls(of: "C_Sign")
            try faults.next("C_Sign", "return CKR_GENERAL_ERROR")
            try await sign(key)
            // The failure, the canary, the second try.
            #expect(try faults.calls(of: "C_Sign") == before + 3)
        }
    }

    @Test func aRequestThatFailsBesideCanariesThatDoNotIsNotTheTokensFault() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            for _ in 0..<5 {
                let pairs = (0..<Recoveries.doubts).flatMap { _ in ["return CKR_FUNCTION_FAILED", "delay 0ms"] }
                try faults.next("C_Sign", pairs + ["return CKR_FUNCTION_FAILED"])
                await #expect(throws: HSMError(.device)) { try await sign(key) }
            }
            #expect(hsm.status.breaker == .closed)
        }
    }

    @Test func anAmbiguousFailureOfRequestsAndCanariesOpensTheBreaker() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let rules = try faults.always("C_Sign", "return CKR_GENERAL_ERROR")
            for _ in 0..<3 { await #expect(throws: HSMError(.device)) { try await sign(key) } }
            await #expect(throws: HSMError(.unavailable)) { try await sign(key) }
            try faults.lift(rules)
            try await Harness.until { hsm.status.isReady }
        }
    }

    @Test func failuresOfTheTokenOpenTheBreakerAndACanaryClosesIt() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let rules = try faults.always("C_Sign", "return CKR_DEVICE_ERROR")
            for _ in 0..<3 { await #expect(throws: HSMError(.device)) { try await sign(key) } }
            #expect(hsm.status.breaker != .closed && !hsm.status.isReady)
            let calls = try faults.calls(of: "C_SignInit")
            let began = ContinuousClock.now
            let outcomes = Outcomes()
            for _ in 0..<50 { key.sign(Harness.message, deadline: .now + .seconds(60)) { outcomes.add($0) } }
            #expect(outcomes.errors.count == 50 && outcomes.errors.allSatisfy { $0.code == .unavailable })
            #expect(outcomes.errors.allSatisfy { ($0.retryAfterMilliseconds ?? 0) >= 1 })
            // Refused at the door: the token saw canaries at most, and those come no faster than the first pause.
            let canaries = try faults.calls(of: "C_SignInit") - calls
            #expect(canaries <= 2 + Int((ContinuousClock.now - began) / .milliseconds(250)))
            try faults.lift(rules)
            try await Harness.until { hsm.status.breaker == .closed }
            try await sign(key)
        }
    }

    @Test(arguments: [0x32, 0xe0] as [UInt])
    func aRemovedTokenOpensTheBreakerAtOnce(value: UInt) async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let rules = try faults.always("C_SignInit", "return \(value)")
            await #expect(throws: HSMError(.device)) { try await sign(key) }
            await #expect(throws: HSMError(.unavailable)) { try await sign(key) }
            try faults.lift(rules)
            try await Harness.until { hsm.status.isReady }
            try await sign(key)
        }
    }

    @Test func aLibraryThatForgotItsInitialisationSealsTheHSM() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            try faults.next("C_SignInit", "return CKR_CRYPTOKI_NOT_INITIALIZED")
            await #expect(throws: HSMError(.device)) { try await sign(key) }
            await #expect(throws: HSMError(.sealed)) { try await sign(key) }
            #expect(hsm.status.isLibraryLost && !hsm.status.isReady)
        }
    }

    @Test func aFailureOfTheRequestAloneBlamesNobody() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            for _ in 0..<10 {
                try faults.next("C_Sign", "return CKR_DATA_LEN_RANGE")
                await #expect(throws: HSMError(.device)) { try await sign(key) }
            }
            #expect(hsm.status.isReady)
        }
    }

    @Test func aHungLaneIsWrittenOffReplacedAndComesBack() async throws {
        let configuration = Harness.configuration(lanes: 2, hangLimit: Harness.shortHangLimit)
        try await Harness.withFaultyHSM(configuration) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let rules = try faults.always("C_Sign", "hang")
            await #expect(throws: HSMError(.laneHung)) { try await sign(key) }
            // A probe may have hung as well by the time this looks.
            #expect(hsm.status.lanesWrittenOff >= 1 && !hsm.status.isReady)
            await #expect(throws: HSMError(.unavailable)) { try await sign(key) }
            try faults.lift(rules)
            try await Harness.until { hsm.status.isReady && hsm.status.hungLanes == 0 && hsm.status.lanes == 2 }
            try await sign(key)
        }
    }

    @Test func hungLanesAreBounded() async throws {
        var configuration = Harness.configuration(lanes: 1, hangLimit: Harness.shortHangLimit)
        configuration.maximumHungLanes = 2
        try await Harness.withFaultyHSM(configuration) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let rules = try faults.always("C_Sign", "hang")
            await #expect(throws: HSMError(.laneHung)) { try await sign(key) }
            // Canaries hang in the replacements, until there are none.
            try await Harness.until { hsm.status.hungLanes == 3 && hsm.status.lanes == 0 }
            #expect(hsm.status.faults.contains { $0.contains("no lane") })
            try faults.lift(rules)
            try await Harness.until { hsm.status.isReady && hsm.status.hungLanes == 0 && hsm.status.lanes == 1 }
            try await sign(key)
        }
    }

    @Test func afterShutdownNoLaneIsInsideTheLibraryNotEvenToCloseItsSession() async throws {
        let module = try FaultModule.shared()
        let faults = try module.takeToken()
        let hsm = try await module.open(faults, configuration: Harness.configuration(lanes: 3))
        _ = try await Harness.signingKey(hsm)
        let rules = try faults.always("C_CloseSession", "delay 200ms")
        #expect(await hsm.shutdown())
        #expect(try faults.openSessions() == 0)
        try faults.lift(rules)
    }

    @Test func aHungLaneKeepsShutdownFromClaimingToBeClean() async throws {
        let module = try FaultModule.shared()
        let faults = try module.takeToken()
        let hsm = try await module.open(faults, configuration: Harness.configuration(hangLimit: Harness.shortHangLimit))
        let key = try await Harness.signingKey(hsm)
        let rules = try faults.always("C_Sign", "hang")
        await #expect(throws: HSMError(.laneHung)) { try await sign(key) }
        #expect(await !hsm.shutdown(drainingFor: .milliseconds(50)))
        try faults.lift(rules)
    }
}
