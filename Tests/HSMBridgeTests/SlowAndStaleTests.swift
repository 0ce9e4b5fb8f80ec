import Dispatch
import Synchronization
import Testing
import VaultTesting

@testable import HSMBridge

/// Calls that take long, keys that end, and handles that mean something else by now.
@Suite("What takes long, and what has ended", .timeLimit(.minutes(5)))
struct SlowAndStaleTests {
    private func sign(_ key: some TokenKey) async throws {
        _ = try await key.sign(Harness.message, deadline: .now + .seconds(60))
    }

    @Test func aTokenThatIsLongAtMakingAKeyIsNotReady() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 2, hangLimit: .seconds(1))) { hsm, faults in
            let rules = try faults.always("C_GenerateKeyPair", "hang")
            let made = Task { try await hsm.generate(.init(label: "key", algorithm: .es256, purpose: .signing)) }
            try await Harness.until { !hsm.status.isReady }
            #expect(hsm.status.faults.contains { $0.hasPrefix("no lane is free") } && hsm.status.hungLanes == 0)
            try faults.lift(rules)
            _ = try await made.value
            try await Harness.until { hsm.status.isReady }
        }
    }

    @Test func keysAreNotMadeBesideAHungCallAndNobodyWaitsForThem() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 2, hangLimit: .seconds(1))) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let rules = try faults.always("C_Sign", "call=1 hang")
            await #expect(throws: HSMError(.laneHung)) { try await sign(key) }
            try await Harness.until { hsm.status.isReady }
            let specification = KeySpecification(label: "other", algorithm: .es256, purpose: .signing)
            #expect(await Harness.code { _ = try await hsm.generate(specification) } == .laneHung)
            try await sign(key)
            try faults.lift(rules)
            try await Harness.until { hsm.status.hungLanes == 0 }
            _ = try await hsm.generate(specification)
        }
    }

    @Test func aLaneThatComesBackCountsAsHungUntilItHasClosedItsSession() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1, hangLimit: .seconds(1))) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let hang = try faults.always("C_Sign", "call=1 hang")
            await #expect(throws: HSMError(.laneHung)) { try await sign(key) }
            try await Harness.until { hsm.status.isReady }
            let before = try faults.calls(of: "C_CloseSession")
            let slow = try faults.always("C_CloseSession", "delay 2s")
            try faults.lift(hang)
            try await Harness.until { try faults.calls(of: "C_CloseSession") > before }
            #expect(hsm.status.hungLanes == 1)
            try await Harness.until { hsm.status.hungLanes == 0 }
            try faults.lift(slow)
        }
    }

    @Test func aLongInventoryOfManyShortCallsIsNoHang() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1, hangLimit: .seconds(1))) { hsm, faults in
            var references: [KeyReference] = []
            for label in ["one", "two"] {
                references.append(
                    try await hsm.generate(.init(label: label, algorithm: .es256, purpose: .signing)).reference)
            }
            let rules = try faults.always("C_GetAttributeValue", "delay 30ms")
            #expect(try await hsm.inventory().count == 4)
            _ = try await hsm.examine(references[0], purpose: .signing, isImported: false, restrictsMechanisms: true)
            try faults.lift(rules)
            #expect(hsm.status.lanesWrittenOff == 0)
        }
    }

    @Test func anIdleTokenThatHangsIsWrittenOffSoonerThanACall() async throws {
        var configuration = Harness.configuration(lanes: 1, hangLimit: .seconds(600))
        configuration.heartbeat = .milliseconds(100)
        configuration.canaryLimit = .seconds(2)
        try await Harness.withFaultyHSM(configuration) { hsm, faults in
            _ = try await Harness.signingKey(hsm)
            let rules = try faults.always("C_Sign", "call=1 hang")
            try await Harness.until { hsm.status.lanesWrittenOff == 1 }
            try faults.lift(rules)
            try await Harness.until { hsm.status.isReady && hsm.status.hungLanes == 0 }
        }
    }

    @Test func aCheckpointHasAPlaceWhereTheQueueIsFullOfMinting() async throws {
        try await Harness.withHSM(Harness.configuration(lanes: 1, queue: 4)) { hsm, _ in
            let key = try await Harness.signingKey(hsm)
            let made = try await hsm.generate(.init(label: "checkpoint", algorithm: .edDSA, purpose: .checkpoint))
            let checkpoint = try await hsm.checkpointKey(made.reference)
            let (gate, begun) = (DispatchSemaphore(value: 0), AsyncStream<Void>.makeStream())
            let lane = Task {
                try await hsm.perform { (_) throws(HSMError) in
                    begun.continuation.finish()
                    gate.wait()
                }
            }
            for await _ in begun.stream {}
            let (minted, signed) = (Outcomes(), Outcomes())
            for _ in 0..<5 { key.sign(Harness.message, deadline: .now + .seconds(60)) { minted.add($0) } }
            checkpoint.sign(Harness.message, deadline: .now + .seconds(60)) { signed.add($0) }
            #expect(minted.errors.map(\.code) == [.saturated] && signed.errors.isEmpty)
            gate.signal()
            try await lane.value
            await minted.wait(for: 5)
            await signed.wait(for: 1)
            #expect(minted.signatures == 4 && signed.signatures == 1)
        }
    }

    @Test func aKeyThatWasDestroyedIsNotLookedForAndOneThatWasNotIsKept() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            try faults.next("C_DestroyObject", "return CKR_ACTION_PROHIBITED")
            #expect(await Harness.code { try await hsm.destroy(key.reference) } == .device)
            #expect(hsm.keys.withLock { $0[key.reference.id] } != nil)
            try await sign(key)
            try await hsm.destroy(key.reference)
            #expect(await Harness.code { try await sign(key) } == .keyNotFound)
            #expect(hsm.status.missingKeys.isEmpty && hsm.status.faults.isEmpty)
            let before = try faults.calls(of: "C_FindObjectsInit")
            try await Task.sleep(for: .milliseconds(2500))
            #expect(try faults.calls(of: "C_FindObjectsInit") == before)
        }
    }

    @Test(arguments: ["remove", "logout"])
    func noHandleFromBeforeALoginIsUsedAfterIt(fault: String) async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let other = try await hsm.generate(.init(label: "other", algorithm: .es256, purpose: .signing))
            let second = try await hsm.signingKey(other.reference)
            let rules = try faults.always("C_SignInit", fault == "remove" ? "remove" : "call=1 logout")
            let code = await Harness.code { try await sign(key) }
            #expect((code == nil) == (fault == "logout"))
            if fault == "remove" { try await Harness.until { !hsm.status.isReady } }
            let (inits, signs) = (try faults.calls(of: "C_SignInit"), try faults.calls(of: "C_Sign"))
            try faults.lift(rules)
            try await Harness.until { hsm.status.isReady }
            try await sign(key)
            try await sign(second)
            // A handle that is no key's any more would show as a C_SignInit without its C_Sign.
            #expect(try faults.calls(of: "C_SignInit") - inits == faults.calls(of: "C_Sign") - signs)
        }
    }

    @Test func aSignatureByAHandleThatDiedMeanwhileQuarantinesNoKey() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            let before = try faults.calls(of: "C_Sign")
            let rules = try faults.always("C_Sign", "call=1 delay 1s") + faults.always("C_Sign", "call=1 corrupt")
            let signing = Task { try await sign(key) }
            try await Harness.until { try faults.calls(of: "C_Sign") > before }
            key.path.key.forgetHandle()
            try await signing.value
            try faults.lift(rules)
            #expect(hsm.status.quarantinedKeys.isEmpty)
        }
    }

    @Test func aKeyInQuarantineStaysThereWhenItsTokenIsOpenedAgain() async throws {
        let module = try FaultModule.shared()
        let faults = try module.takeToken()
        let configuration = Harness.configuration(lanes: 1)
        let first = try await module.open(faults, configuration: configuration)
        let key = try await Harness.signingKey(first)
        let other = try await first.generate(.init(label: "other", algorithm: .es256, purpose: .signing))
        try faults.next("C_Sign", "corrupt")
        await #expect(throws: HSMError(.wrongSignature)) { try await sign(key) }
        #expect(await first.shutdown())
        let second = try await module.open(faults, configuration: configuration)
        let again = try await second.signingKey(key.reference)
        let before = try faults.calls(of: "C_Sign")
        await #expect(throws: HSMError(.quarantined)) { try await sign(again) }
        #expect(try faults.calls(of: "C_Sign") == before)
        #expect(second.status.quarantinedKeys == ["key"] && second.status.isReady)
        try await sign(second.signingKey(other.reference))
        #expect(await second.shutdown())
    }

    @Test func whatKeyMakingTakesAndWhatFailsTeachesNothingOfLookUps() async throws {
        try await Harness.withHSM { hsm, _ in
            func mean(_ kind: WorkKind) -> Double {
                hsm.pool.state.withLock { $0.scheduler.estimates[kind.rawValue].mean }
            }
            _ = try await hsm.generate(.init(label: "key", algorithm: .es256, purpose: .signing))
            _ = try? await hsm.perform { (_) throws(HSMError) in throw HSMError(.keyNotFound) }
            #expect(mean(.task) == 0 && mean(.keyManagement) > 0)
            _ = try await hsm.inventory()
            #expect(mean(.task) > 0)
        }
    }
}
