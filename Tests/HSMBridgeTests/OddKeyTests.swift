import Testing
import VaultTesting

@testable import HSMBridge

/// What strikes one key alone is that key's matter: the token's other keys go on.
@Suite("One key that fails alone", .timeLimit(.minutes(5)))
struct OddKeyTests {
    private func sign(_ key: SigningKey) async throws {
        _ = try await key.sign(Harness.message, deadline: .now + .seconds(3600))
    }

    /// Two keys, of which canaries take the first; the body hears which rules strike it.
    private func withTwoKeys(
        _ fault: String, heartbeat: Duration = .seconds(3600),
        _ body: (HSM, TokenFaults, _ odd: SigningKey, _ good: SigningKey) async throws -> Void
    ) async throws {
        var configuration = Harness.configuration(lanes: 1)
        configuration.heartbeat = heartbeat
        try await Harness.withFaultyHSM(configuration) { hsm, faults in
            let odd = try await Harness.signingKey(hsm)
            let other = try await hsm.generate(.init(label: "other", algorithm: .es256, purpose: .signing))
            let good = try await hsm.signingKey(other.reference)
            let rules = try faults.always("C_SignInit", "object=key \(fault)")
            try await body(hsm, faults, odd, good)
            try faults.lift(rules)
        }
    }

    @Test(
        arguments: [
            "CKR_GENERAL_ERROR", "CKR_USER_NOT_LOGGED_IN", "CKR_KEY_HANDLE_INVALID", "CKR_OPERATION_ACTIVE",
            "CKR_MECHANISM_INVALID",
        ])
    func requestsForItOpenNoBreaker(code: String) async throws {
        try await withTwoKeys("return \(code)") { hsm, _, odd, good in
            for _ in 0..<5 {
                #expect(await Harness.code { try await sign(odd) } == .device)
                #expect(hsm.status.breaker == .closed)
            }
            try await sign(good)
            #expect(hsm.status.isReady)
        }
    }

    @Test func aTokenOnWhichNoKeySignsIsToBlameAsBefore() async throws {
        try await withTwoKeys("return CKR_GENERAL_ERROR") { hsm, faults, odd, good in
            let rules = try faults.always("C_SignInit", "return CKR_GENERAL_ERROR")
            for _ in 0..<3 { await #expect(throws: HSMError(.device)) { try await sign(odd) } }
            await #expect(throws: HSMError(.unavailable)) { try await sign(good) }
            try faults.lift(rules)
            try await Harness.until { hsm.status.isReady }
        }
    }

    @Test(arguments: ["CKR_GENERAL_ERROR", "CKR_MECHANISM_INVALID", "CKR_DEVICE_ERROR"])
    func canariesOfAnIdleTokenAreSignedWithAnother(code: String) async throws {
        try await withTwoKeys("return \(code)", heartbeat: .milliseconds(100)) { hsm, faults, _, _ in
            let before = try faults.calls(of: "C_Sign")
            var wasRed = false
            try await Harness.until {
                wasRed = wasRed || !hsm.status.isReady
                return try faults.calls(of: "C_Sign") >= before + 4
            }
            #expect(!wasRed)
        }
    }

    @Test func aTokenThatFailedComesBackWithoutIt() async throws {
        try await withTwoKeys("return CKR_MECHANISM_INVALID") { hsm, faults, _, good in
            let rules = try faults.always("C_Sign", "return CKR_DEVICE_ERROR")
            for _ in 0..<3 { await #expect(throws: HSMError(.device)) { try await sign(good) } }
            #expect(hsm.status.breaker != .closed)
            try faults.lift(rules)
            try await Harness.until { hsm.status.isReady }
            try await sign(good)
        }
    }

    @Test func noOtherKeyIsAskedOnceTheDeviceIsGone() async throws {
        try await withTwoKeys("return CKR_GENERAL_ERROR") { hsm, faults, odd, good in
            let third = try await hsm.generate(.init(label: "third", algorithm: .es256, purpose: .signing))
            _ = try await hsm.signingKey(third.reference)
            let before = try faults.calls(of: "C_SignInit")
            let rules = try faults.always("C_SignInit", "object=other return CKR_DEVICE_REMOVED")
            await #expect(throws: HSMError(.device)) { try await sign(odd) }
            #expect(hsm.status.breaker == .closed)
            // The request, its canary and that one's second try; the device is gone before the third key is asked.
            #expect(try faults.calls(of: "C_SignInit") == before + 4)
            try faults.lift(rules)
            try await sign(good)
        }
    }
}
