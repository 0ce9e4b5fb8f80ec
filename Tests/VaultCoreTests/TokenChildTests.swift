import Custody
import Foundation
import HSMBridge
import Testing
import VaultCore
import VaultTesting

/// What is done to a token under its security officer's PIN, each in a process of its own.
@Suite(.timeLimit(.minutes(10))) struct TokenChildTests {
    private static let officer = "officer-31337"
    private static let user = "user-canary-4711"

    private func code(_ body: () async throws -> Void) async -> HSMError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? HSMError)?.code
        }
    }

    private func initialised(_ site: TokenOfficeSite) async throws -> (report: TokenTaskReport, uri: String) {
        let report = try await site.run(.initialise(label: "vault-a"), Self.officer, Self.user)
        return (report, "pkcs11:token=vault-a;serial=\(report.serial)")
    }

    @Test func aFreshTokenIsInitialisedAndEmpty() async throws {
        try await TokenOfficeSite.run { site in
            let (report, uri) = try await initialised(site)
            #expect(report.label == "vault-a" && !report.serial.isEmpty && report.objects == nil)
            #expect(report.minimumPINLength == 4 && report.maximumPINLength == 255)
            let seen = try await site.run(.examine(uri: uri), Self.user)
            #expect(seen.objects == [] && seen.serial == report.serial)
        }
    }

    @Test func aSecondTokenGetsALabelOfItsOwn() async throws {
        try await TokenOfficeSite.run { site in
            let first = try await initialised(site)
            #expect(
                await code { _ = try await site.run(.initialise(label: "vault-a"), Self.officer, Self.user) }
                    == .labelTaken)
            let second = try await site.run(.initialise(label: "vault-b"), Self.officer, "user-b-0815")
            #expect(second.serial != first.report.serial)
            #expect(try await site.run(.examine(uri: first.uri), Self.user).objects == [])
        }
    }

    @Test func pinsAreChangedByWhoKnowsThem() async throws {
        try await TokenOfficeSite.run { site in
            let (_, uri) = try await initialised(site)
            #expect(
                await code { _ = try await site.run(.changeUserPIN(uri: uri), "wrong-0000", "new-1111") } == .pinRefused
            )
            _ = try await site.run(.changeUserPIN(uri: uri), Self.user, "new-1111")
            #expect(await code { _ = try await site.run(.examine(uri: uri), Self.user) } == .pinRefused)
            _ = try await site.run(.examine(uri: uri), "new-1111")
            _ = try await site.run(.setUserPIN(uri: uri), Self.officer, "newer-2222")
            _ = try await site.run(.examine(uri: uri), "newer-2222")
            _ = try await site.run(.changeOfficerPIN(uri: uri), Self.officer, "officer-new-1")
            #expect(
                await code { _ = try await site.run(.setUserPIN(uri: uri), Self.officer, "x-3333") } == .pinRefused)
            _ = try await site.run(.setUserPIN(uri: uri), "officer-new-1", "newest-4444")
            _ = try await site.run(.examine(uri: uri), "newest-4444")
        }
    }

    @Test func initialisingAgainLeavesNothingAndTakesTheOfficer() async throws {
        try await TokenOfficeSite.run { site in
            let (_, uri) = try await initialised(site)
            let made = try Command.run(
                [
                    "pkcs11-tool", "--module", site.module, "--token-label", "vault-a", "--login", "--pin", Self.user,
                    "--keypairgen", "--key-type", "EC:prime256v1", "--label", "old", "--id", "01",
                ], environment: ["SOFTHSM2_CONF": site.directory.configurationFile])
            #expect(made.status == 0, "\(made.output)")
            #expect(try await site.run(.examine(uri: uri), Self.user).objects?.count == 2)
            #expect(
                await code {
                    _ = try await site.run(.initialiseAgain(uri: uri, label: "vault-c"), "wrong-0000", "user-c-1")
                } == .pinRefused)
            let again = try await site.run(.initialiseAgain(uri: uri, label: "vault-c"), Self.officer, "user-c-1234")
            let seen = try await site.run(
                .examine(uri: "pkcs11:token=vault-c;serial=\(again.serial)"), "user-c-1234")
            #expect(seen.objects == [])
            #expect(
                await code { _ = try await site.run(.examine(uri: "pkcs11:token=vault-a"), Self.user) }
                    == .tokenNotFound)
        }
    }

    @Test func aPartitionThatRefusesIsNamedAndLeftAsItIs() async throws {
        try await TokenOfficeSite.run(script: "") { site in
            let (_, uri) = try await initialised(site)
            try site.rewrite(script: "C_InitToken,C_InitPIN,C_SetPIN unsupported\n")
            let refused: [(TokenTask, function: String)] = [
                (.initialise(label: "vault-b"), "C_InitToken"),
                (.initialiseAgain(uri: uri, label: "vault-b"), "C_InitToken"), (.setUserPIN(uri: uri), "C_InitPIN"),
                (.changeOfficerPIN(uri: uri), "C_SetPIN"),
            ]
            for (task, function) in refused {
                do {
                    _ = try await site.run(task, Self.officer, Self.user)
                    Issue.record("\(task) was not refused")
                } catch let error as HSMError {
                    #expect(error.code == .administrationRefused && error.function == function, "\(error)")
                    #expect("\(error)".contains("CKR_FUNCTION_NOT_SUPPORTED") && error.mend.contains("owner"))
                }
            }
            #expect(
                await code { _ = try await site.run(.changeUserPIN(uri: uri), Self.user, "new-1111") }
                    == .administrationRefused)
            #expect(try await site.run(.examine(uri: uri), Self.user).objects == [])
        }
    }

    @Test(arguments: ["C_InitToken segv\n", "C_InitPIN abort\n"])
    func aLibraryThatCrashesTakesTheChildAlone(script: String) async throws {
        try await TokenOfficeSite.run(script: script) { site in
            do {
                _ = try await initialised(site)
                Issue.record("it did not crash")
            } catch let error as HSMError {
                #expect(error.code == .systemRefused && "\(error)".contains("signal"), "\(error)")
            }
        }
    }

    @Test func whatIsWrongIsSaidWithoutASecret() async throws {
        try await TokenOfficeSite.run { site in
            #expect(
                await code { _ = try await site.run(.initialise(label: "a b"), Self.officer, Self.user) }
                    == .labelRefused)
            #expect(
                await code { _ = try await site.run(.initialise(label: "vault-a"), Self.officer, "1") } == .pinLength)
            let none = TokenChild(executable: "/nowhere/vault-appliance")
            let secret = try LockedBytes(copying: Array(Self.user.utf8))
            #expect(
                await code {
                    _ = try await none.run(.examine(uri: "pkcs11:token=x"), module: site.module, secrets: [secret])
                } == .systemRefused)
            do {
                _ = try await site.run(.examine(uri: "pkcs11:token=\(UUID().uuidString)"), Self.user)
                Issue.record("there is no such token")
            } catch { #expect(!"\(error)".contains(Self.user)) }
        }
    }
}
