import Crypto
import CryptoExtras
import Foundation
import Synchronization
import Testing
import VaultTesting

@testable import HSMBridge

@Suite("Signing")
struct SigningTests {
    @Test(arguments: KeyAlgorithm.signatures)
    func everyAlgorithmSignsAndOpenSSLAgrees(algorithm: KeyAlgorithm) async throws {
        try await Harness.withHSM { hsm, _ in
            let key = try await Harness.signingKey(hsm, algorithm)
            let signature = try await key.sign(Harness.message, deadline: .now + .seconds(30))
            #expect(verifies(signature, of: Harness.message, key.reference))
            #expect(!verifies(signature, of: Harness.message + [0], key.reference))
            try Harness.withDirectory { directory in
                let form = SignatureForm.der.encode(signature, algorithm: algorithm)
                let isAccepted = try opensslAccepts(form, key.reference, directory)
                #expect(isAccepted)
            }
        }
    }

    @Test(arguments: [KeyAlgorithm.es256, .es384, .ps256, .edDSA])
    func aTLSKeySignsInTheFormTLSWants(algorithm: KeyAlgorithm) async throws {
        try await Harness.withHSM { hsm, _ in
            let made = try await hsm.generate(.init(label: "tls", algorithm: algorithm, purpose: .tls))
            let key = try await hsm.tlsKey(made.reference)
            let signature = try await key.sign(Harness.message, deadline: .now + .seconds(30))
            try Harness.withDirectory { directory in
                let isAccepted = try opensslAccepts(signature, key.reference, directory)
                #expect(isAccepted)
            }
        }
    }

    @Test(arguments: [1, 2, 3])
    func thousandsOfSignaturesOverAllLanesAllVerify(lanes: Int) async throws {
        try await Harness.withHSM(Harness.configuration(lanes: lanes, queue: 4096)) { hsm, _ in
            let key = try await Harness.signingKey(hsm)
            let count = 1500
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<count {
                    group.addTask {
                        let message = Array("message \(number)".utf8)
                        let signature = try await key.sign(message, deadline: .now + .seconds(3600))
                        return verifies(signature, of: message, key.reference)
                    }
                }
                for try await isValid in group { #expect(isValid) }
            }
            let status = hsm.status
            #expect(status.signatures >= UInt64(count) && status.expired == 0 && status.queueDepth == 0)
            #expect(status.lanes == lanes && status.faults.isEmpty)
        }
    }

    @Test func aDeadlineThatHasPassedIsRefusedOnTheSpot() async throws {
        try await Harness.withFaultyHSM { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let before = try faults.calls(of: "C_Sign")
            let code = await Harness.code { _ = try await key.sign(Harness.message, deadline: .now - .seconds(1)) }
            #expect(code == .deadlineExceeded)
            #expect(try faults.calls(of: "C_Sign") == before)
        }
    }

    @Test func aSlowTokenRefusesWhatItCannotServeInTimeAndSaysWhen() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let rules = try faults.always("C_Sign", "delay 50ms")
            // Until the token is known for what it is: on a busy machine one signature may be held up for much longer.
            func isKnown() -> Bool {
                let estimate = hsm.pool.state.withLock { state in
                    state.scheduler.estimates[WorkKind.signature(.es256).rawValue]
                }
                return estimate.mean >= 45e6 && estimate.prudent <= 250e6
            }
            while !isKnown() { _ = try await key.sign(Harness.message, deadline: .now + .seconds(3600)) }
            let outcomes = Outcomes()
            let deadline = ContinuousClock.now + .seconds(5)
            for _ in 0..<400 { key.sign(Harness.message, deadline: deadline) { outcomes.add($0) } }
            // Refusals come before `sign` returns; the rest is served or told by the deadline.
            let refused = outcomes.errors.filter { $0.code == .saturated }
            #expect(refused.count >= 280)
            #expect(refused.allSatisfy { ($0.retryAfterMilliseconds ?? 0) >= 1 })
            await outcomes.wait(for: 400)
            #expect(outcomes.signatures >= 5)
            try faults.lift(rules)
        }
    }

    @Test func aFullQueueRefusesWithATimeToComeBack() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1, queue: 4)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let rules = try faults.always("C_Sign", "hang")
            let outcomes = Outcomes()
            for _ in 0..<10 { key.sign(Harness.message, deadline: .now + .seconds(600)) { outcomes.add($0) } }
            #expect(outcomes.errors.count >= 5)
            #expect(outcomes.errors.allSatisfy { $0.code == .saturated && ($0.retryAfterMilliseconds ?? 0) >= 1 })
            try faults.lift(rules)
            await outcomes.wait(for: 10)
            #expect(outcomes.signatures >= 4)
        }
    }

    @Test func aCallerIsToldWhenItsDeadlinePassesWhileTheTokenIsAtIt() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let rules = try faults.always("C_Sign", "hang")
            let code = await Harness.code {
                _ = try await key.sign(Harness.message, deadline: .now + .milliseconds(200))
            }
            #expect(code == .deadlineExceeded)
            try faults.lift(rules)
            try await hsm.canary(key, deadline: .now + .seconds(30))
        }
    }

    @Test func aWrongSignatureIsNeverReleasedAndTheKeyIsOut() async throws {
        try await Harness.withFaultyHSM { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let made = try await hsm.generate(.init(label: "other", algorithm: .es256, purpose: .checkpoint))
            let other = try await hsm.checkpointKey(made.reference)
            try faults.next("C_Sign", "corrupt")
            let first = await Harness.code { _ = try await key.sign(Harness.message, deadline: .now + .seconds(30)) }
            #expect(first == .wrongSignature)
            let second = await Harness.code { _ = try await key.sign(Harness.message, deadline: .now + .seconds(30)) }
            #expect(second == .quarantined)
            let again = try await hsm.signingKey(key.reference)
            #expect(await Harness.code { try await hsm.canary(again) } == .quarantined)
            #expect(hsm.status.quarantinedKeys == ["key"] && !hsm.status.faults.isEmpty)
            try await hsm.canary(other, deadline: .now + .seconds(30))
        }
    }

    @Test func afterShutdownNothingIsSigned() async throws {
        let hsm = try await SoftHSMFixture.shared().openFreshHSM()
        let key = try await Harness.signingKey(hsm)
        #expect(await hsm.shutdown())
        #expect(await Harness.code { try await hsm.canary(key) } == .sealed)
        #expect(await Harness.code { _ = try await hsm.inventory() } == .sealed)
    }

    private func verifies(_ signature: [UInt8], of message: [UInt8], _ reference: KeyReference) -> Bool {
        do {
            switch (reference.algorithm, reference.publicKey) {
            case (.es256, .ec(let x, let y)):
                return try P256.Signing.PublicKey(rawRepresentation: x + y)
                    .isValidSignature(.init(rawRepresentation: signature), for: message)
            case (.es384, .ec(let x, let y)):
                return try P384.Signing.PublicKey(rawRepresentation: x + y)
                    .isValidSignature(.init(rawRepresentation: signature), for: message)
            case (.edDSA, .ed25519(let key)):
                return try Curve25519.Signing.PublicKey(rawRepresentation: key)
                    .isValidSignature(signature, for: message)
            case (let algorithm, .rsa(let modulus, let exponent)):
                return try _RSA.Signing.PublicKey(n: modulus, e: exponent).isValidSignature(
                    .init(rawRepresentation: signature), for: message,
                    padding: algorithm == .ps256 ? .PSS : .insecurePKCS1v1_5)
            default: return false
            }
        } catch {
            return false
        }
    }

    private func opensslAccepts(_ signature: [UInt8], _ reference: KeyReference, _ directory: String) throws -> Bool {
        let (key, message, file) = (directory + "/key.pem", directory + "/message", directory + "/signature")
        try Harness.pem(reference).write(toFile: key, atomically: false, encoding: .utf8)
        try Data(Harness.message).write(to: URL(fileURLWithPath: message))
        try Data(signature).write(to: URL(fileURLWithPath: file))
        let arguments: [String]
        switch reference.algorithm {
        case .edDSA:
            arguments = ["pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", message, "-sigfile", file]
        case .ps256:
            arguments = [
                "dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32", "-verify", key,
                "-signature", file, message,
            ]
        case .es384: arguments = ["dgst", "-sha384", "-verify", key, "-signature", file, message]
        case .rsaOAEP, .rsaOAEP256: return false
        case .es256, .rs256: arguments = ["dgst", "-sha256", "-verify", key, "-signature", file, message]
        }
        return try Harness.run(["openssl"] + arguments).status == 0
    }
}
