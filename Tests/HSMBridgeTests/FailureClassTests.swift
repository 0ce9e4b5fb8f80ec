import Testing
import VaultTesting

@testable import HSMBridge

@Suite("Every class of failure, under load")
struct FailureClassTests {
    /// What callers never see, as a rule of the script for the functions it strikes.
    @Test(
        "losses that cost a caller nothing",
        arguments: [
            ("C_SignInit", "every=40 lose-session"), ("C_Sign", "every=40 lose-session"),
            ("C_SignInit", "every=60 drop-sessions"), ("C_SignInit", "every=60 logout"),
            ("C_SignInit", "every=60 forget-handles"), ("C_SignInit", "every=40 return CKR_OPERATION_ACTIVE"),
            ("C_Sign", "every=40 return CKR_GENERAL_ERROR"), ("C_Sign", "every=40 return CKR_FUNCTION_FAILED"),
            ("C_Sign", "every=40 after CKR_GENERAL_ERROR"), ("C_Sign", "every=40 return 0x80000001"),
            ("C_Sign", "every=40 return CKR_OPERATION_NOT_INITIALIZED"),
        ])
    func recoverable(function: String, fault: String) async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 3)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let rules = try faults.always(function, fault)
            let load = await Load.run(key, requests: 400)
            try faults.lift(rules)
            #expect(load.signatures == 400, "\(load)")
            #expect(hsm.status.faults.isEmpty)
            // Each lane has its session, and the login one of its own; a lane whose session was lost last opens the next
            // with its next work.
            #expect(try faults.openSessions() <= hsm.status.lanes + 1)
        }
    }

    @Test func anOperationLeftActiveSpoilsNoOtherSignature() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 2)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            // The real C_Sign is never called, so the operation that C_SignInit began stays with the session.
            let rules = try faults.always("C_Sign", "every=10 return CKR_DATA_LEN_RANGE")
            let load = await Load.run(key, requests: 200)
            try faults.lift(rules)
            #expect(load.codes == [.device] && load.signatures > 150 && load.wrong == 0, "\(load)")
            #expect(hsm.status.isReady)
        }
    }

    @Test(arguments: ["C_*", "C_Sign,C_SignInit"])
    func aTokenThatIsRemovedAndComesBackIsFoundAgain(functions: String) async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 3)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let logins = try faults.calls(of: "C_Login")
            let rules = try faults.always(functions, "call=50- remove")
            let away = await Load.run(key, requests: 400)
            #expect(away.signatures < 100 && away.wrong == 0, "\(away)")
            #expect(away.codes.isSubset(of: [.device, .unavailable, .tokenNotFound]), "\(away)")
            try await Harness.until { !hsm.status.isReady && !hsm.status.faults.isEmpty }
            // A canary may be asking just now.
            try await Harness.until { try faults.openSessions() == 0 }
            try faults.lift(rules)
            try await Harness.until { hsm.status.isReady }
            let back = await Load.run(key, requests: 200)
            #expect(back.signatures == 200, "\(back)")
            #expect(try faults.calls(of: "C_Login") == logins + 1)
            #expect(try faults.openSessions() <= hsm.status.lanes + 1)
        }
    }

    @Test(arguments: ["CKR_DEVICE_ERROR", "CKR_DEVICE_MEMORY"])
    func aDeviceThatFailsIsLeftAloneUntilACanaryIsSigned(code: String) async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 3)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let rules = try faults.always("C_Sign", "return \(code)")
            let before = try faults.calls(of: "C_Sign")
            let failing = await Load.run(key, requests: 400)
            #expect(failing.signatures == 0 && failing.codes.isSubset(of: [.device, .unavailable]), "\(failing)")
            // Three failures in a row and what was under way beside them; after that canaries alone.
            #expect(try faults.calls(of: "C_Sign") < before + 20)
            #expect(!hsm.status.isReady)
            try faults.lift(rules)
            try await Harness.until { hsm.status.isReady }
            #expect(await Load.run(key, requests: 200).signatures == 200)
        }
    }

    @Test func aLibraryThatForgotItsInitialisationIsNeverCalledAgain() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 3)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            // Not C_GetTokenInfo, by which other tests find their tokens in the same library.
            let rules = try faults.always("C_Sign*,C_Find*,C_OpenSession", "return CKR_CRYPTOKI_NOT_INITIALIZED")
            let load = await Load.run(key, requests: 400)
            #expect(load.signatures == 0 && load.codes.isSubset(of: [.device, .sealed]), "\(load)")
            #expect((load.refusals[.device] ?? 0) <= 3)
            #expect(hsm.status.isLibraryLost && hsm.status.faults.contains { $0.contains("restarted") })
            let before = try faults.calls(of: "C_SignInit")
            #expect(await Harness.code { _ = try await hsm.inventory() } == .sealed)
            #expect(await Load.run(key, requests: 50).codes == [.sealed])
            #expect(try faults.calls(of: "C_SignInit") == before)
            // So that the sessions can be closed; the state of the HSM does not change.
            try faults.lift(rules)
            #expect(hsm.status.isLibraryLost)
        }
    }

    @Test func aLibraryThatIsLostDuringOtherWorkSealsTheHSM() async throws {
        try await Harness.withFaultyHSM { hsm, faults in
            let rules = try faults.always("C_FindObjectsInit", "return CKR_CRYPTOKI_NOT_INITIALIZED")
            #expect(await Harness.code { _ = try await hsm.inventory() } == .device)
            #expect(hsm.status.isLibraryLost)
            try faults.lift(rules)
        }
    }

    @Test func wrongSignaturesUnderLoadAreNeverReleased() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 3)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let rules = try faults.always("C_Sign", "call=50- corrupt")
            let load = await Load.run(key, requests: 200)
            try faults.lift(rules)
            #expect(load.wrong == 0 && load.signatures <= 50, "\(load)")
            #expect(load.codes == [.wrongSignature, .quarantined], "\(load)")
            #expect((load.refusals[.wrongSignature] ?? 0) <= 3)
            #expect(hsm.status.quarantinedKeys == ["key"])
        }
    }

    @Test func oneHungCallOfManyCostsOneRequest() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 3, hangLimit: Harness.shortHangLimit)) {
            hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let rules = try faults.always("C_Sign", "call=20 hang")
            let load = await Load.run(key, requests: 200, tasks: 2)
            #expect(load.wrong == 0 && load.refusals[.laneHung] == 1, "\(load)")
            #expect(hsm.status.lanesWrittenOff == 1 && hsm.status.hungLanes == 1 && !hsm.status.faults.isEmpty)
            try await Harness.until { hsm.status.isReady && hsm.status.lanes == 3 }
            #expect(await Load.run(key, requests: 100).signatures == 100)
            try faults.lift(rules)
            try await Harness.until { hsm.status.hungLanes == 0 && hsm.status.faults.isEmpty }
            #expect(hsm.status.lanes == 3)
            try await Harness.until { try faults.openSessions() == 4 }
        }
    }

    @Test func aLoginThatHangsIsWrittenOffLikeAnyCall() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 2, hangLimit: Harness.shortHangLimit)) {
            hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let rules = try faults.always("C_Login", "hang")
            try faults.next("C_SignInit", "logout")
            let load = await Load.run(key, requests: 20)
            // Another lane may sign until the token forgets.
            #expect(load.signatures < 20 && load.wrong == 0, "\(load)")
            #expect(!hsm.status.isReady && hsm.status.hungLanes > 0)
            try faults.lift(rules)
            try await Harness.until { hsm.status.isReady && hsm.status.hungLanes == 0 && hsm.status.lanes == 2 }
            #expect(await Load.run(key, requests: 50).signatures == 50)
        }
    }

    @Test func anIdleTokenThatGoesAwayIsNoticedAndSoIsItsReturn() async throws {
        var configuration = Harness.configuration()
        configuration.heartbeat = .milliseconds(100)
        try await Harness.withFaultyHSM(configuration) { hsm, faults in
            _ = try await Harness.signingKey(hsm)
            let rules = try faults.always("C_*", "remove")
            try await Harness.until { !hsm.status.isReady }
            try faults.lift(rules)
            try await Harness.until { hsm.status.isReady }
        }
    }

    @Test func aSessionThatTheTokenHasNoRoomForAtFirstIsAskedForAgain() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 2)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            try faults.next("C_SignInit", "lose-session")
            try faults.next("C_OpenSession", "return CKR_SESSION_COUNT")
            let load = await Load.run(key, requests: 50)
            #expect(load.signatures == 50, "\(load)")
            #expect(hsm.status.isReady)
        }
    }
}
