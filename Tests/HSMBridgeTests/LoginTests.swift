import Testing
import VaultTesting

@testable import HSMBridge

@Suite("Logging in")
struct LoginTests {
    private func open(_ token: SoftHSMDirectory.Token, pin: String) async throws -> HSM {
        let module = try FaultyModule.module()
        let uri = try TokenURI(token.uri)
        let pin = try PIN(Array(pin.utf8))
        return try await DedicatedThread.run("test-open") { () throws(HSMError) in
            try HSM(module: module, token: uri, pin: pin, configuration: Harness.configuration())
        }
    }

    @Test func aWrongPINIsTriedOnceAndNeverAgain() async throws {
        let token = try SoftHSMFixture.shared().takeToken()
        let slot = try FaultyModule.slot(of: token)
        #expect(await Harness.code { _ = try await open(token, pin: "wrong-0") } == .pinRefused)
        #expect(FaultyModule.calls(of: .login, slot: slot) == 1)
        for _ in 0..<3 { #expect(await Harness.code { _ = try await open(token, pin: "wrong-0") } == .pinKnownBad) }
        #expect(FaultyModule.calls(of: .login, slot: slot) == 1)
        let hsm = try await open(token, pin: token.pin)
        #expect(FaultyModule.calls(of: .login, slot: slot) == 2)
        #expect(await hsm.shutdown())
    }

    @Test(arguments: ["1", String(repeating: "1", count: 255)])
    func aPINOfALengthTheTokenDoesNotTakeIsNotTried(pin: String) async throws {
        let token = try SoftHSMFixture.shared().takeToken()
        #expect(
            await Harness.code { _ = try await open(token, pin: pin) } == (pin.count == 1 ? .pinLength : .pinRefused))
    }

    @Test func aTokenSomeoneElseIsLoggedInToIsRefused() async throws {
        try await Harness.withHSM { _, token in
            #expect(await Harness.code { _ = try await open(token, pin: "wrong-1") } == .tokenInUse)
            #expect(await Harness.code { _ = try await open(token, pin: token.pin) } == .tokenInUse)
        }
    }

    @Test func aTokenCanBeOpenedAgainAfterItWasShutDown() async throws {
        let fixture = try SoftHSMFixture.shared()
        let token = try fixture.takeToken()
        for _ in 0..<3 {
            let hsm = try await fixture.open(token)
            #expect(hsm.status.login == .loggedIn)
            #expect(await hsm.shutdown())
            #expect(hsm.status.login == .loggedOut && !hsm.status.isReady)
        }
    }

    @Test func aTokenThatForgotTheLoginIsLoggedInOnceMore() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 3)) { hsm, slot in
            let key = try await Harness.signingKey(hsm)
            let before = FaultyModule.calls(of: .login, slot: slot)
            try hsm.login.openSession().logout()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<50 {
                    group.addTask { _ = try await key.sign(Harness.message, deadline: .now + .seconds(30)) }
                }
                try await group.waitForAll()
            }
            #expect(FaultyModule.calls(of: .login, slot: slot) == before + 1)
            #expect(hsm.status.faults.isEmpty)
        }
    }

    @Test func aPINThatTheTokenNoLongerTakesIsTriedOnceAndTheHSMTurnsRed() async throws {
        try await Harness.withFaultyHSM { hsm, slot in
            let key = try await Harness.signingKey(hsm)
            FaultyModule.plan([.returns(.pinIncorrect)], for: .login, slot: slot)
            let before = FaultyModule.calls(of: .login, slot: slot)
            try hsm.login.openSession().logout()
            for _ in 0..<5 {
                let code = await Harness.code { _ = try await key.sign(Harness.message, deadline: .now + .seconds(30)) }
                #expect(code == .pinRefused)
            }
            #expect(FaultyModule.calls(of: .login, slot: slot) == before + 1)
            #expect(hsm.status.login == .refused && !hsm.status.isReady)
        }
    }

    @Test func lockedTokensAreNotTried() async throws {
        let token = try SoftHSMFixture.shared().takeToken()
        let slot = try FaultyModule.slot(of: token)
        FaultyModule.plan([.returns(ReturnValue(rawValue: 0xa4))], for: .login, slot: slot)
        #expect(await Harness.code { _ = try await open(token, pin: token.pin) } == .pinLocked)
        #expect(await Harness.code { _ = try await open(token, pin: token.pin).shutdown() } == nil)
    }
}
