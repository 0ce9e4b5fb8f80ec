import Foundation
import Testing
import VaultTesting

@testable import HSMBridge

/// SoftHSM itself, whose token's directory is moved away under load and put back, as a mount that fails does.
@Suite("A token whose storage goes away")
struct LostTokenTests {
    @Test func itIsRedWhileItIsAwayAndSignsAgainWhenItIsBack() async throws {
        try await withLibraryOfItsOwn { library in
            let (hsm, directory) = try await open(library)
            let key = try await Harness.signingKey(hsm)
            async let load = Load.run(key, requests: 20_000, tasks: 4)
            try await Harness.until { hsm.status.signatures > 100 }
            try FileManager.default.moveItem(atPath: directory, toPath: away(directory))
            // Away for so long that the library is started anew in vain, and then does not even list the token.
            try await Harness.until {
                !hsm.status.isReady && hsm.status.libraryRestarts >= 2
            } otherwise: {
                "\(hsm.status)"
            }
            try FileManager.default.moveItem(atPath: away(directory), toPath: directory)
            try await Harness.until {
                hsm.status.isReady
            } otherwise: {
                "\(hsm.status)"
            }
            let tally = await load
            #expect(tally.wrong == 0 && tally.signatures > 50, "\(tally)")
            #expect(tally.codes.isSubset(of: [.device, .keyNotFound, .unavailable]), "\(tally)")
            #expect(await Load.run(key, requests: 200).signatures == 200)
            // SoftHSM never sees such a token again by itself.
            #expect(hsm.status.libraryRestarts >= 1 && hsm.status.login == .loggedIn)
            #expect(await hsm.shutdown())
            #expect(hsm.module.sessionCounts.open == 0)
        }
    }

    @Test func aLibraryIsNotStartedAnewUnderAnotherTokensFeet() async throws {
        try await withLibraryOfItsOwn { library in
            let (lost, directory) = try await open(library)
            let (other, _) = try await open(library)
            let (lostKey, otherKey) = (try await Harness.signingKey(lost), try await Harness.signingKey(other))
            try FileManager.default.moveItem(atPath: directory, toPath: away(directory))
            await #expect(throws: HSMError.self) {
                _ = try await lostKey.sign(Harness.message, deadline: .now + .seconds(30))
            }
            try FileManager.default.moveItem(atPath: away(directory), toPath: directory)
            try await Harness.until { lost.status.faults.contains { $0.contains("other tokens use it") } }
            #expect(await Load.run(otherKey, requests: 200).signatures == 200)
            #expect(lost.status.libraryRestarts == 0)
            #expect(await other.shutdown())
            try await Harness.until { lost.status.isReady }
            #expect(await Load.run(lostKey, requests: 50).signatures == 50)
            #expect(await lost.shutdown())
        }
    }

    @Test func aTokenComesBackWhereItWasWhileAnotherSlotOfTheLibraryDoesNotAnswer() async throws {
        let module = try FaultModule(ofItsOwn: "slots")
        let (faults, other) = (try module.takeToken(), try module.takeToken())
        let hsm = try await module.open(faults, configuration: Harness.configuration(lanes: 1))
        let key = try await Harness.signingKey(hsm)
        let hang = try other.always("C_GetTokenInfo", "hang")
        let rules = try faults.always("C_Sign", "return CKR_DEVICE_ERROR")
        #expect(await Load.run(key, requests: 50).codes.isSuperset(of: [.device, .unavailable]))
        #expect(hsm.status.breaker != .closed)
        try faults.lift(rules)
        try await Harness.until { hsm.status.isReady }
        #expect(await Load.run(key, requests: 50).signatures == 50)
        try other.lift(hang)
        #expect(await hsm.shutdown())
    }

    @Test func aKeyThatIsNotThereIsAFaultUntilItIsFoundAgain() async throws {
        try await Harness.withFaultyHSM(Harness.configuration(lanes: 1)) { hsm, faults in
            let key = try await Harness.signingKey(hsm)
            // One lookup of the key finds nothing: the handle dies, and the search ends before it has begun.
            let rules = try faults.always("C_FindObjects", "return CKR_OK")
            try faults.next("C_SignInit", "return CKR_KEY_HANDLE_INVALID")
            #expect(
                await Harness.code { _ = try await key.sign(Harness.message, deadline: .now + .seconds(30)) }
                    == .keyNotFound)
            #expect(hsm.status.missingKeys == ["key"] && hsm.status.faults == ["key key is not on the token"])
            #expect(hsm.status.isReady)
            try faults.lift(rules)
            try await Harness.until { hsm.status.faults.isEmpty }
            #expect(await Load.run(key, requests: 50).signatures == 50)
        }
    }

    private func away(_ directory: String) throws -> String { try SoftHSMFixture.shared().directory.away(directory) }

    /// A copy of SoftHSM: to the loader another library, which no other test uses.
    private func withLibraryOfItsOwn(_ body: (String) async throws -> Void) async throws {
        let fixture = try SoftHSMFixture.shared()
        let path = "\(fixture.directory.path)/\(UUID().uuidString).so"
        let library = URL(fileURLWithPath: fixture.modulePath).resolvingSymlinksInPath().path
        try FileManager.default.copyItem(atPath: library, toPath: path)
        try await body(path)
    }

    /// A token of its own, and where it is stored.
    private func open(_ library: String) async throws -> (HSM, directory: String) {
        let fixture = try SoftHSMFixture.shared()
        let token = try fixture.takeToken()
        let hsm = try await HSM.open(
            modulePath: library, token: TokenURI(token.uri), pin: PIN(file: token.pinFile),
            configuration: Harness.configuration())
        return (hsm, try fixture.directory.tokenDirectory(serial: hsm.profile.info.serial))
    }
}
