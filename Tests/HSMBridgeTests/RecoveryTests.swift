import CPKCS11
import Testing
import VaultTesting

@testable import HSMBridge

@Suite("Recovery from failures of the device")
struct RecoveryTests {
    private func sign(_ key: SigningKey) async throws {
        _ = try await key.sign(Harness.message, deadline: .now + .seconds(60))
    }

    @Test(
        arguments: [
            0xb3, 0xb0, 0x90, 0x91, 0x101, 0x60, 0x82,
        ] as [UInt])
    func oneLossOfASessionALoginOrAHandleIsNotSeenByTheCaller(value: UInt) async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, slot in
            let key = try await Harness.signingKey(hsm)
            for function in [CryptokiFunction.signInit, .sign] {
                FaultyModule.plan([.returns(ReturnValue(rawValue: value))], for: function, slot: slot)
                try await sign(key)
                try await sign(key)
            }
            #expect(hsm.status.faults.isEmpty)
        }
    }

    @Test func everyKindOfLossInOneSignatureIsNotSeenByTheCaller() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, slot in
            let key = try await Harness.signingKey(hsm)
            FaultyModule.plan(
                [.returns(.sessionHandleInvalid), .returns(.userNotLoggedIn), .returns(.keyHandleInvalid)],
                for: .signInit, slot: slot)
            try await sign(key)
        }
    }

    @Test func theSameLossTwiceInOneSignatureEndsIt() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, slot in
            let key = try await Harness.signingKey(hsm)
            FaultyModule.plan(
                [.returns(.sessionHandleInvalid), .returns(.sessionHandleInvalid)], for: .signInit, slot: slot)
            let before = FaultyModule.calls(of: .signInit, slot: slot)
            await #expect(throws: HSMError(.device)) { try await sign(key) }
            #expect(FaultyModule.calls(of: .signInit, slot: slot) == before + 2)
            try await sign(key)
        }
    }

    @Test func sessionsClosedBehindOurBackAreReplaced() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 2)) { hsm, slot in
            let key = try await Harness.signingKey(hsm)
            // Safety: no pointers.
            #expect(unsafe hsm.module.returnValue { unsafe $0.pointee.C_CloseAllSessions?(slot) } == .ok)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 { group.addTask { try await sign(key) } }
                try await group.waitForAll()
            }
            #expect(hsm.status.faults.isEmpty && hsm.status.login == .loggedIn)
        }
    }

    @Test func aDeadHandleIsLookedUpOnceHoweverManyLanesSeeIt() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 3)) { hsm, slot in
            let key = try await Harness.signingKey(hsm)
            let before = FaultyModule.calls(of: .findObjectsInit, slot: slot)
            FaultyModule.plan([.returns(.keyHandleInvalid)], for: .signInit, slot: slot)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 { group.addTask { try await sign(key) } }
                try await group.waitForAll()
            }
            // One look-up is a search for the private key and one for the public key.
            #expect(FaultyModule.calls(of: .findObjectsInit, slot: slot) == before + 2)
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
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, slot in
            let key = try await Harness.signingKey(hsm)
            let before = FaultyModule.calls(of: .sign, slot: slot)
            FaultyModule.plan([.returns(.generalError)], for: .sign, slot: slot)
            try await sign(key)
            // The failure, the canary, the second try.
            #expect(FaultyModule.calls(of: .sign, slot: slot) == before + 3)
        }
    }

    @Test func aRequestThatFailsBesideCanariesThatDoNotIsNotTheTokensFault() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, slot in
            let key = try await Harness.signingKey(hsm)
            for _ in 0..<5 {
                FaultyModule.plan(
                    [.returns(.functionFailed), .passes, .returns(.functionFailed)], for: .sign, slot: slot)
                await #expect(throws: HSMError(.device)) { try await sign(key) }
            }
            #expect(hsm.status.breaker == .closed)
        }
    }

    @Test func anAmbiguousFailureOfRequestsAndCanariesOpensTheBreaker() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, slot in
            let key = try await Harness.signingKey(hsm)
            FaultyModule.stand(.returns(.generalError), for: .sign, slot: slot)
            for _ in 0..<3 { await #expect(throws: HSMError(.device)) { try await sign(key) } }
            await #expect(throws: HSMError(.unavailable)) { try await sign(key) }
            FaultyModule.stand(nil, for: .sign, slot: slot)
            try await until { hsm.status.isReady }
        }
    }

    @Test func failuresOfTheTokenOpenTheBreakerAndACanaryClosesIt() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, slot in
            let key = try await Harness.signingKey(hsm)
            FaultyModule.stand(.returns(.deviceError), for: .sign, slot: slot)
            for _ in 0..<3 { await #expect(throws: HSMError(.device)) { try await sign(key) } }
            #expect(hsm.status.breaker != .closed && !hsm.status.isReady)
            let calls = FaultyModule.calls(of: .signInit, slot: slot)
            let outcomes = Outcomes()
            for _ in 0..<50 { key.sign(Harness.message, deadline: .now + .seconds(60)) { outcomes.add($0) } }
            #expect(outcomes.errors.count == 50 && outcomes.errors.allSatisfy { $0.code == .unavailable })
            #expect(outcomes.errors.allSatisfy { ($0.retryAfterMilliseconds ?? 0) >= 1 })
            // Refused at the door: the token saw canaries at most.
            #expect(FaultyModule.calls(of: .signInit, slot: slot) <= calls + 2)
            FaultyModule.stand(nil, for: .sign, slot: slot)
            try await until { hsm.status.breaker == .closed }
            try await sign(key)
        }
    }

    @Test(arguments: [0x32, 0xe0] as [UInt])
    func aRemovedTokenOpensTheBreakerAtOnce(value: UInt) async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, slot in
            let key = try await Harness.signingKey(hsm)
            FaultyModule.stand(.returns(ReturnValue(rawValue: value)), for: .signInit, slot: slot)
            await #expect(throws: HSMError(.device)) { try await sign(key) }
            await #expect(throws: HSMError(.unavailable)) { try await sign(key) }
            FaultyModule.stand(nil, for: .signInit, slot: slot)
            try await until { hsm.status.isReady }
            try await sign(key)
        }
    }

    @Test func aLibraryThatForgotItsInitialisationSealsTheHSM() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, slot in
            let key = try await Harness.signingKey(hsm)
            FaultyModule.plan([.returns(.cryptokiNotInitialized)], for: .signInit, slot: slot)
            await #expect(throws: HSMError(.device)) { try await sign(key) }
            await #expect(throws: HSMError(.sealed)) { try await sign(key) }
            #expect(hsm.status.isLibraryLost && !hsm.status.isReady)
        }
    }

    @Test func aFailureOfTheRequestAloneBlamesNobody() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, slot in
            let key = try await Harness.signingKey(hsm)
            for _ in 0..<10 {
                FaultyModule.plan([.returns(.dataLenRange)], for: .sign, slot: slot)
                await #expect(throws: HSMError(.device)) { try await sign(key) }
            }
            #expect(hsm.status.isReady)
        }
    }

    @Test func aHungLaneIsWrittenOffReplacedAndComesBack() async throws {
        let configuration = Harness.configuration(lanes: 2, hangLimit: .seconds(1))
        try await Harness.withFaultyHSM(configuration) { hsm, slot in
            let key = try await Harness.signingKey(hsm)
            FaultyModule.stand(.hangs, for: .sign, slot: slot)
            await #expect(throws: HSMError(.laneHung)) { try await sign(key) }
            // A probe may have hung as well by the time this looks.
            #expect(hsm.status.lanesWrittenOff >= 1 && !hsm.status.isReady)
            await #expect(throws: HSMError(.unavailable)) { try await sign(key) }
            FaultyModule.stand(nil, for: .sign, slot: slot)
            try await until { hsm.status.isReady && hsm.status.hungLanes == 0 && hsm.status.lanes == 2 }
            try await sign(key)
        }
    }

    @Test func hungLanesAreBounded() async throws {
        var configuration = Harness.configuration(lanes: 1, hangLimit: .seconds(1))
        configuration.maximumHungLanes = 2
        try await Harness.withFaultyHSM(configuration) { hsm, slot in
            let key = try await Harness.signingKey(hsm)
            FaultyModule.stand(.hangs, for: .sign, slot: slot)
            await #expect(throws: HSMError(.laneHung)) { try await sign(key) }
            // Canaries hang in the replacements, until there are none.
            try await until { hsm.status.hungLanes == 3 && hsm.status.lanes == 0 }
            #expect(hsm.status.faults.contains { $0.contains("no lane") })
            FaultyModule.stand(nil, for: .sign, slot: slot)
            try await until { hsm.status.isReady && hsm.status.hungLanes == 0 && hsm.status.lanes == 1 }
            try await sign(key)
        }
    }

    @Test func aHungLaneKeepsShutdownFromClaimingToBeClean() async throws {
        let token = try SoftHSMFixture.shared().takeToken()
        let slot = try FaultyModule.slot(of: token)
        let hsm = try await Harness.open(
            token, in: FaultyModule.module(), configuration: Harness.configuration(hangLimit: .seconds(1)))
        let key = try await Harness.signingKey(hsm)
        FaultyModule.stand(.hangs, for: .sign, slot: slot)
        await #expect(throws: HSMError(.laneHung)) { try await sign(key) }
        #expect(await !hsm.shutdown(drainingFor: .milliseconds(50)))
        FaultyModule.stand(nil, for: .sign, slot: slot)
    }

    /// Waits for what the watch does in its own time; a test that never sees it fails by the limit of `count`.
    private func until(_ condition: () -> Bool) async throws {
        for _ in 0..<3000 {
            if condition() { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("it did not come to pass")
    }
}
