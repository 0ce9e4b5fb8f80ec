import Testing
import VaultTesting

@testable import HSMBridge

@Suite("Logging in")
struct LoginTests {
    private func open(_ token: SoftHSMDirectory.Token, pin: String) async throws -> HSM {
        try await HSM.open(
            modulePath: FaultModule.shared().path, token: TokenURI(token.uri), pin: PIN(Array(pin.utf8)),
            configuration: Harness.configuration())
    }

    @Test func aWrongPINIsTriedOnceAndNeverAgain() async throws {
        let faults = try FaultModule.shared().takeToken()
        let token = faults.token
        #expect(await Harness.code { _ = try await open(token, pin: "wrong-0") } == .pinRefused)
        #expect(try faults.calls(of: "C_Login") == 1)
        for _ in 0..<3 { #expect(await Harness.code { _ = try await open(token, pin: "wrong-0") } == .pinKnownBad) }
        #expect(try faults.calls(of: "C_Login") == 1)
        let hsm = try await open(token, pin: token.pin)
        #expect(try faults.calls(of: "C_Login") == 2)
        #expect(await hsm.shutdown())
    }

    @Test(arguments: ["1", String(repeating: "1", count: 255)])
    func aPINOfALengthTheTokenDoesNotTakeIsNotTried(pin: String) async throws {
        let token = try FaultModule.shared().takeToken().token
        #expect(
            await Harness.code { _ = try await open(token, pin: pin) } == (pin.count == 1 ? .pinLength : .pinRefused))
    }

    @Test func aTokenSomeoneElseIsLoggedInToIsRefused() async throws {
        try await Harness.withFaultyHSM { _, faults in
            let token = faults.token
            #expect(await Harness.code { _ = try await open(token, pin: "wrong-1") } == .tokenInUse)
            #expect(await Harness.code { _ = try await open(token, pin: token.pin) } == .tokenInUse)
            let logins = try faults.calls(of: "C_Login")
            #expect(logins == 1)
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
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 3)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let before = try faults.calls(of: "C_Login")
            try faults.next("C_SignInit", "logout")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<50 {
                    group.addTask { _ = try await key.sign(Harness.message, deadline: .now + .seconds(3600)) }
                }
                try await group.waitForAll()
            }
            #expect(try faults.calls(of: "C_Login") == before + 1)
            #expect(hsm.status.faults.isEmpty)
        }
    }

    @Test func aPINThatTheTokenNoLongerTakesIsTriedOnceAndTheHSMTurnsRed() async throws {
        try await Harness.withFaultyHSM { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            try faults.next("C_Login", "return CKR_PIN_INCORRECT")
            let before = try faults.calls(of: "C_Login")
            try faults.next("C_SignInit", "logout")
            for _ in 0..<5 {
                let code = await Harness.code {
                    _ = try await key.sign(Harness.message, deadline: .now + .seconds(3600))
                }
                #expect(code == .pinRefused)
            }
            #expect(try faults.calls(of: "C_Login") == before + 1)
            #expect(hsm.status.login == .refused && !hsm.status.isReady)
        }
    }

    @Test func aPINThatIsRefusedUnderLoadIsTriedOnceHoweverManyLanesWantIt() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 3)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let before = try faults.calls(of: "C_Login")
            let rules = try faults.always("C_Login", "return CKR_PIN_INCORRECT")
            try faults.next("C_SignInit", "logout")
            let load = await Load.run(key, requests: 400)
            // Other lanes may sign until the token forgets.
            #expect(load.signatures < 400 && load.wrong == 0, "\(load)")
            // The lane that comes second to the login is told that this PIN failed before.
            #expect(load.codes.isSubset(of: [.pinRefused, .pinKnownBad, .unavailable]), "\(load)")
            try faults.lift(rules)
            #expect(await Load.run(key, requests: 50).codes == [.pinRefused])
            #expect(try faults.calls(of: "C_Login") == before + 1)
            #expect(hsm.status.login == .refused && !hsm.status.isReady)
        }
    }

    @Test func aPINIsNotGivenToAnotherTokenThatIsInTheSlotNow() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let before = try faults.calls(of: "C_Login")
            let rules = try faults.always("C_GetTokenInfo", "another-token")
            try faults.next("C_SignInit", "drop-sessions")
            let code = await Harness.code { _ = try await key.sign(Harness.message, deadline: .now + .seconds(30)) }
            #expect(code == .device && hsm.status.breaker != .closed && !hsm.status.isReady)
            #expect(hsm.status.login == .loggedIn || hsm.status.login == .loggedOut)
            try await Task.sleep(for: .seconds(1))
            #expect(try faults.calls(of: "C_Login") == before)
            try faults.lift(rules)
            try await Harness.until { hsm.status.isReady }
            #expect(try faults.calls(of: "C_Login") == before + 1)
            try await hsm.canary(key)
        }
    }

    @Test(arguments: ["CKR_USER_TYPE_INVALID", "CKR_ARGUMENTS_BAD"])
    func aRefusalWithACodeForSomethingElseIsARefusalAllTheSame(code: String) async throws {
        let faults = try FaultModule.shared().takeToken()
        try faults.next("C_Login", "return \(code)")
        #expect(await Harness.code { _ = try await open(faults.token, pin: "wrong-3") } == .pinRefused)
        for _ in 0..<3 {
            #expect(await Harness.code { _ = try await open(faults.token, pin: "wrong-3") } == .pinKnownBad)
        }
        #expect(try faults.calls(of: "C_Login") == 1)
        #expect(await Harness.code { _ = try await open(faults.token, pin: faults.token.pin).shutdown() } == nil)
    }

    @Test(arguments: [("CKR_USER_TYPE_INVALID", LoginState.refused), ("CKR_PIN_LOCKED", .locked)])
    func aLoginThatATokenRefusesLaterIsTriedOnceWhateverItsCode(code: String, state: LoginState) async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 2)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let before = try faults.calls(of: "C_Login")
            let rules = try faults.always("C_Login", "return \(code)")
            try faults.next("C_SignInit", "logout")
            let load = await Load.run(key, requests: 100)
            #expect(load.wrong == 0 && !load.codes.isEmpty, "\(load)")
            // Time for some canaries.
            try await Task.sleep(for: .seconds(2))
            try faults.lift(rules)
            try await Task.sleep(for: .seconds(2))
            #expect(try faults.calls(of: "C_Login") == before + 1)
            #expect(hsm.status.login == state && !hsm.status.isReady)
        }
    }

    @Test func aTokenThatSaysLockedIsNotTakenForAWrongPIN() async throws {
        let faults = try FaultModule.shared().takeToken()
        try faults.next("C_Login", "return CKR_PIN_LOCKED")
        #expect(await Harness.code { _ = try await open(faults.token, pin: faults.token.pin) } == .pinLocked)
        #expect(await Harness.code { _ = try await open(faults.token, pin: faults.token.pin).shutdown() } == nil)
    }

    static let barred: [(flag: String, code: HSMError.Code, state: LoginState)] = [
        ("final-try", .pinFinalTry, .finalTry), ("locked", .pinLocked, .locked),
    ]

    @Test(arguments: barred.indices)
    func aTokenAtItsLastTryIsNotTried(index: Int) async throws {
        let (flag, code, _) = Self.barred[index]
        let faults = try FaultModule.shared().takeToken()
        let rules = try faults.always("C_GetTokenInfo", "flags \(flag)")
        #expect(await Harness.code { _ = try await open(faults.token, pin: faults.token.pin) } == code)
        #expect(try faults.calls(of: "C_Login") == 0)
        try faults.lift(rules)
        #expect(await Harness.code { _ = try await open(faults.token, pin: faults.token.pin).shutdown() } == nil)
    }

    @Test(arguments: barred.indices)
    func aTokenThatForgotTheLoginAndIsAtItsLastTryTurnsRedUntilAPersonHasClearedThat(index: Int) async throws {
        let (flag, code, state) = Self.barred[index]
        try await Harness.withFaultyHSM { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let before = try faults.calls(of: "C_Login")
            let rules = try faults.always("C_GetTokenInfo", "flags \(flag)")
            try faults.next("C_SignInit", "logout")
            let load = await Load.run(key, requests: 100)
            // Other lanes may sign until the token forgets; then none does.
            #expect(load.wrong == 0 && load.codes.isSubset(of: [code, .unavailable]), "\(load)")
            let after = await Load.run(key, requests: 50)
            #expect(after.signatures == 0 && after.codes.isSubset(of: [code, .unavailable]), "\(after)")
            #expect(hsm.status.login == state && !hsm.status.isReady && !hsm.status.faults.isEmpty)
            #expect(try faults.calls(of: "C_Login") == before)
            try faults.lift(rules)
            try await Harness.until { hsm.status.isReady }
            #expect(hsm.status.login == .loggedIn)
            #expect(try faults.calls(of: "C_Login") == before + 1)
            try await hsm.canary(key)
        }
    }
}
