import Synchronization
import Testing
import VaultTesting

@testable import HSMBridge

/// Many calls that each return in time, and what has changed while one was on its way.
@Suite("What is late, and what has changed meanwhile", .timeLimit(.minutes(5)))
struct LateTests {
    private func sign(_ key: some TokenKey) async throws {
        _ = try await key.sign(Harness.message, deadline: .now + .seconds(3600))
    }

    @Test func theLateAnswerOfALaneThatWasWrittenOffSaysNothingOfTheTokenAsItIsNow() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1, hangLimit: .seconds(1))) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let hang = try faults.always("C_Sign", "call=1 hang")
            let answer = try faults.always("C_Sign", "call=1 return CKR_DEVICE_REMOVED")
            await #expect(throws: HSMError(.laneHung)) { try await sign(key) }
            try await Harness.until { hsm.status.isReady }
            let before = try faults.calls(of: "C_Sign")
            try faults.lift(hang)
            try await Harness.until { hsm.status.hungLanes == 0 }
            // A breaker that opened would have sent a canary by now.
            try await Task.sleep(for: .milliseconds(500))
            #expect(try faults.calls(of: "C_Sign") == before && hsm.status.breaker == .closed)
            try faults.lift(answer)
        }
    }

    @Test func aLibraryThatWasLostIsLostHoweverLateALaneSaysSo() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1, hangLimit: .seconds(1))) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let hang = try faults.always("C_Sign", "call=1 hang")
            let answer = try faults.always("C_Sign", "call=1 return CKR_CRYPTOKI_NOT_INITIALIZED")
            await #expect(throws: HSMError(.laneHung)) { try await sign(key) }
            try faults.lift(hang)
            try await Harness.until { hsm.status.isLibraryLost }
            try faults.lift(answer)
        }
    }

    /// Each call of it is well within the limit, and all of them together are beyond it.
    static let slowWork: [(functions: String, delay: String, losses: [String])] = [
        ("C_SignInit", "700ms", [String](repeating: "return CKR_SESSION_HANDLE_INVALID", count: 4)),
        ("C_SignInit", "700ms", ["return CKR_GENERAL_ERROR", "return CKR_GENERAL_ERROR", "delay 0ms"]),
        ("C_GetSessionInfo,C_GetTokenInfo,C_Login", "900ms", ["logout"]),
    ]

    @Test(arguments: slowWork.indices)
    func workOfManyCallsIsNoHangWhileEachReturnsInTime(index: Int) async throws {
        let work = Self.slowWork[index]
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1, hangLimit: .seconds(2))) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let rules = try faults.always(work.functions, "delay \(work.delay)")
            try faults.next("C_SignInit", work.losses)
            let began = ContinuousClock.now
            try await sign(key)
            #expect(ContinuousClock.now - began > .seconds(2) && hsm.status.lanesWrittenOff == 0)
            try faults.lift(rules)
        }
    }

    @Test func aHandleThatWasForgottenWhileTheKeyWasLookedUpStaysForgotten() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let bound = key.path.key
            let before = try faults.calls(of: "C_FindObjectsInit")
            let rules = try faults.always("C_FindObjectsInit", "call=1 delay 1s")
            let (seen, profile) = (bound.handle, hsm.profile)
            let search = Task {
                try await hsm.perform { (session) throws(HSMError) in
                    try bound.refresh(after: seen, in: session, profile: profile)
                }
            }
            try await Harness.until { try faults.calls(of: "C_FindObjectsInit") > before }
            bound.forgetHandle()
            try await search.value
            #expect(throws: HSMError(.device)) { try bound.refuseForgotten(bound.handle) }
            try faults.lift(rules)
            try await sign(key)
        }
    }

    @Test func aKeyIsWatchedOverBeforeItHasProvedItselfAndNoMoreWhenItFails() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let made = try await hsm.generate(.init(label: "key", algorithm: .es256, purpose: .signing))
            func isWatched() -> Bool { hsm.pool.keys.withLock { !$0.isEmpty } }
            let before = try faults.calls(of: "C_Sign")
            let rules =
                try faults.always("C_Sign", "call=1 delay 1s")
                + faults.always("C_Sign", "call=1 return CKR_DATA_LEN_RANGE")
            let binding = Task { await Harness.code { _ = try await hsm.signingKey(made.reference) } }
            try await Harness.until { try faults.calls(of: "C_Sign") > before }
            #expect(isWatched())
            #expect(await binding.value == .device)
            #expect(!isWatched())
            try faults.lift(rules)
            _ = try await hsm.signingKey(made.reference)
            _ = try await hsm.signingKey(made.reference)
            #expect(hsm.pool.keys.withLock { $0.count } == 1)
        }
    }
}
