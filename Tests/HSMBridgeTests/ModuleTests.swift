import Foundation
import Testing
import VaultTesting

@testable import HSMBridge

@Suite("Modules")
struct ModuleTests {
    @Test func onePathGivesOneModuleHoweverItIsSpelled() throws {
        let fixture = try SoftHSMFixture.shared()
        let module = try Module.load(path: fixture.modulePath)
        let spelled = URL(fileURLWithPath: fixture.modulePath)
        let dotted = spelled.deletingLastPathComponent().path + "/./" + spelled.lastPathComponent
        #expect(try Module.load(path: dotted) === module)
    }

    @Test(
        arguments: [
            ("/nonexistent/module.so", .moduleNotFound), ("libsofthsm2.so", .moduleRefused), ("", .moduleRefused),
            ("/usr/lib", .moduleRefused), ("/etc/passwd", .moduleRefused),
        ] as [(String, HSMError.Code)])
    func badPathsAreRefusedEachForItsReason(path: String, code: HSMError.Code) {
        #expect(throws: HSMError(code)) { try Module.load(path: path) }
    }

    @Test func aLibraryThatIsNoModuleIsRefused() throws {
        let names = [
            "/lib/x86_64-linux-gnu/libz.so.1", "/lib/x86_64-linux-gnu/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6",
        ]
        let library = try #require(names.first(where: FileManager.default.fileExists(atPath:)))
        #expect(throws: HSMError(.moduleRefused)) { try Module.load(path: library) }
    }

    @Test func aModuleThatAnyoneCouldReplaceIsRefused() throws {
        let real = try Module.load(path: SoftHSMFixture.shared().modulePath).path
        try Harness.withDirectory { directory in
            try FileManager.default.copyItem(atPath: real, toPath: directory + "/p11.so")
            try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: directory + "/p11.so")
            #expect(throws: HSMError(.moduleRefused)) { try Module.load(path: directory + "/p11.so") }
        }
    }

    @Test func aModuleInUseIsNotShutDown() async throws {
        try await Harness.withHSM { hsm, _ in
            #expect(throws: HSMError(.moduleInUse)) { try hsm.module.shutdown() }
            // The login's, and one a lane, which each opens in its own time.
            try await Harness.until { hsm.status.openSessions >= 3 }
        }
    }

    @Test func tokensAreChosenByWhatTheURISays() throws {
        let fixture = try SoftHSMFixture.shared()
        let module = try Module.load(path: fixture.modulePath)
        let token = try fixture.takeToken()
        let (_, info) = try module.token(matching: TokenURI(token.uri))
        #expect(info.label == token.label && info.manufacturer == "SoftHSM project")
        let serial = try module.token(matching: TokenURI("pkcs11:serial=\(info.serial)")).token
        #expect(serial.label == token.label)
        for uri in ["pkcs11:token=no-such-token", "pkcs11:token=\(token.label);serial=0000"] {
            let error = #expect(throws: HSMError(.tokenNotFound)) { try module.token(matching: TokenURI(uri)) }
            #expect(error?.context?.contains("; the module shows \"test-") == true)
        }
        #expect(throws: HSMError(.tokenNotUnique)) { try module.token(matching: TokenURI("pkcs11:model=SoftHSM%20v2")) }
    }
}
