internal import Foundation
package import HSMBridge
internal import Synchronization

/// The one SoftHSM of a test process, with a pool of tokens: each test takes one that no other has seen.
///
/// SoftHSM is one library per process with one configuration, and tests run side by side: so all tokens are made up front,
/// SOFTHSM2_CONF is set before the library is loaded, and nothing ever calls C_Finalize. The directory is removed at exit.
package final class SoftHSMFixture: Sendable {
    /// How many tokens a test process has; nearly all are copies, made in no time: whoever waits for them holds up all.
    package static let poolSize = 320

    private static let outcome = Result { try SoftHSMFixture() }

    /// Where the tokens lie, and the configuration that other programs need to see them.
    package let directory: SoftHSMDirectory
    /// The library.
    package let modulePath: String
    /// A copy of it: to the loader another library, with sessions and a login of its own.
    package let secondModulePath: String
    private let taken = Mutex(0)

    /// The fixture of this process; a machine without SoftHSM is a failure, never a reason to skip.
    package static func shared() throws -> SoftHSMFixture { try outcome.get() }

    /// A token that no other test has.
    package func takeToken() throws -> SoftHSMDirectory.Token {
        let index = taken.withLock { taken in
            defer { taken += 1 }
            return taken
        }
        guard index < directory.tokens.count else {
            throw SoftHSMDirectory.Failure(description: "more than \(SoftHSMFixture.poolSize) tokens taken")
        }
        return directory.tokens[index]
    }

    /// Opens a token that no other test has; the caller shuts it down.
    package func openFreshHSM(configuration: HSM.Configuration = HSM.Configuration()) async throws -> HSM {
        try await open(try takeToken(), configuration: configuration)
    }

    /// Opens a token.
    package func open(
        _ token: SoftHSMDirectory.Token, configuration: HSM.Configuration = HSM.Configuration()
    ) async throws -> HSM {
        try await HSM.open(
            modulePath: modulePath, token: TokenURI(token.uri), pin: PIN(file: token.pinFile),
            configuration: configuration)
    }

    private init() throws {
        modulePath = try SoftHSMDirectory.modulePath()
        let path = NSTemporaryDirectory() + "/vault-softhsm-" + UUID().uuidString
        directory = try SoftHSMDirectory(
            path: path, labels: (1000..<1000 + SoftHSMFixture.poolSize).map { "test-\($0)" })
        secondModulePath = path + "/libsecond.so"
        let library = URL(fileURLWithPath: modulePath).resolvingSymlinksInPath().path
        try FileManager.default.copyItem(atPath: library, toPath: secondModulePath)
        // Safety: once per process, before the library is loaded, which reads the variable when it is initialised.
        unsafe setenv("SOFTHSM2_CONF", directory.configurationFile, 1)
        atexit {
            // Safety: the variable was set by this process, and nothing changes it.
            guard let value = unsafe getenv("SOFTHSM2_CONF") else { return }
            // Safety: as above.
            let configuration = unsafe String(cString: value)
            try? FileManager.default.removeItem(
                atPath: URL(fileURLWithPath: configuration).deletingLastPathComponent().path)
        }
    }
}
