import Synchronization
import Testing
import VaultTesting

@testable import HSMBridge

/// What strikes a whole library, behind a copy of the fault module that no other test uses.
@Suite("Libraries that hang, are finalised and are started anew", .timeLimit(.minutes(5)))
struct LibraryTests {
    @Test func oneThatHangsWhenItStartsKeepsNoOtherOut() async throws {
        let fixture = try SoftHSMFixture.shared()
        let (token, slow) = (try fixture.takeToken(), try FaultModule(ofItsOwn: "start"))
        let rules = try slow.always("C_Initialize", "hang")
        let (path, uri) = (slow.path, try TokenURI(token.uri))
        let late = Task { try await HSM.find(modulePath: path, token: uri) }
        try await Harness.until { (try? slow.calls(of: "C_Initialize")) == 1 }
        let isOpen = Mutex(false)
        let other = Task {
            let hsm = try await fixture.open(token, configuration: Harness.configuration())
            isOpen.withLock { $0 = true }
            return await hsm.shutdown()
        }
        try await Harness.until { isOpen.withLock { $0 } }
        try slow.lift(rules)
        #expect(try await other.value)
        #expect(try await late.value.label == token.label)
    }

    @Test func noneIsStartedAnewOrFinalisedWhileATokenIsLookedFor() async throws {
        let module = try FaultModule(ofItsOwn: "find")
        let faults = try module.takeToken()
        let hsm = try await module.open(faults, configuration: Harness.configuration())
        try await looking(for: faults, in: module) {
            #expect(throws: HSMError(.moduleInUse)) { try hsm.login.restartLibrary() }
        }
        #expect(await hsm.shutdown())
        try await looking(for: faults, in: module) {
            #expect(await Harness.code { try await Module.release(path: module.path) } == .moduleInUse)
        }
        try await Module.release(path: module.path)
    }

    /// Does something while somebody looks for the token, and the library holds that up.
    private func looking(
        for faults: TokenFaults, in module: FaultModule, _ body: () async throws -> Void
    ) async throws {
        let before = try faults.calls(of: "C_GetTokenInfo")
        let rules = try faults.always("C_GetTokenInfo", "hang")
        let (path, uri) = (module.path, try TokenURI(faults.token.uri))
        let found = Task { try await HSM.find(modulePath: path, token: uri) }
        try await Harness.until { try faults.calls(of: "C_GetTokenInfo") > before }
        try await body()
        try faults.lift(rules)
        #expect(try await found.value.label == faults.token.label)
    }

    @Test func aPINThatWasRefusedIsNotTriedAgainAfterALibraryWasFinalised() async throws {
        let module = try FaultModule(ofItsOwn: "refused")
        let faults = try module.takeToken()
        func code() async -> HSMError.Code? {
            await Harness.code {
                _ = try await HSM.open(
                    modulePath: module.path, token: TokenURI(faults.token.uri), pin: PIN(Array("wrong-2".utf8)),
                    configuration: Harness.configuration())
            }
        }
        #expect(await code() == .pinRefused)
        try await Module.release(path: module.path)
        #expect(await code() == .pinKnownBad)
        #expect(try faults.calls(of: "C_Login") == 1)
    }

    @Test func anHSMThatWasShutDownWhileItsTokenHungLogsInNoMore() async throws {
        let module = try FaultModule(ofItsOwn: "late")
        let faults = try module.takeToken()
        let hsm = try await module.open(faults, configuration: Harness.configuration(lanes: 1, hangLimit: .seconds(1)))
        let key = try await Harness.signingKey(hsm)
        let logins = try faults.calls(of: "C_Login")
        let rules = try faults.always("C_GetTokenInfo", "hang")
        try faults.next("C_SignInit", "logout")
        let code = await Harness.code { _ = try await key.sign(Harness.message, deadline: .now + .seconds(60)) }
        #expect(code == .laneHung)
        #expect(await !hsm.shutdown(drainingFor: .zero))
        try faults.lift(rules)
        while await !hsm.shutdown(drainingFor: .zero) { try await Task.sleep(for: .milliseconds(20)) }
        #expect(try faults.calls(of: "C_Login") == logins && faults.openSessions() == 0)
    }

    @Test func anImportEndsWithTheLibraryItWasBegunIn() async throws {
        let module = try FaultModule(ofItsOwn: "import")
        let faults = try module.takeToken()
        let hsm = try await module.open(faults, configuration: Harness.configuration())
        let made = try await hsm.generate(.init(label: "key", algorithm: .es256, purpose: .signing))
        let transport = try await hsm.beginImport(label: "import")
        try hsm.login.restartLibrary()
        let before = try faults.calls(of: "C_UnwrapKey")
        let code = await Harness.code {
            _ = try await transport.finish(
                wrappedKey: [1], wrapped: [2],
                specification: .init(label: "other", algorithm: .es256, purpose: .assertion),
                expected: made.reference.publicKey)
        }
        #expect(code == .keyNotFound)
        // Its session's number is another session's now.
        #expect(try faults.calls(of: "C_UnwrapKey") == before)
        await transport.close()
        #expect(await hsm.shutdown())
    }
}
