import AuditLog
package import Custody
import Foundation
import Logging
import StrictEncoding
@testable package import VaultCore
package import VaultTesting

/// Where a core lives in a test: a directory of its own, a SoftHSM token, settings, a clock; and its start.
package struct CoreSite: Sendable {
    package let token: SoftHSMDirectory.Token
    package let clock: TestClock
    package var settings: CoreSettings
    /// Removed when the test is over.
    package let directory: String

    /// Runs `body` where genesis has been: the token holds the keys, the manifest is in place, no core runs yet.
    ///
    /// The token is one that another test has left as it was; `spoilsToken` says that this one will not.
    package static func withGenesis(
        spoilsToken: Bool = false, _ body: (CoreSite) async throws -> Void
    ) async throws {
        let provisioned = try await ProvisionedTokens.shared.lend()
        do {
            try await inDirectory(provisioned.token) { site in
                try Data(provisioned.manifest).write(to: URL(filePath: site.settings.manifestFile))
                try await body(site)
            }
        } catch {
            // Whatever went wrong may have left the token open.
            await ProvisionedTokens.shared.giveBack(nil)
            throw error
        }
        await ProvisionedTokens.shared.giveBack(spoilsToken ? nil : provisioned)
    }

    /// Runs `body` with an empty token that no other test has seen, and without a manifest.
    package static func withEmptyToken<Answer>(
        _ body: (CoreSite) async throws -> Answer
    ) async throws -> Answer {
        try await inDirectory(try SoftHSMFixture.shared().takeToken(), body)
    }

    private static func inDirectory<Answer>(
        _ token: SoftHSMDirectory.Token, _ body: (CoreSite) async throws -> Answer
    ) async throws -> Answer {
        // Short, for the sockets in it: sun_path holds 108 bytes.
        let directory = NSTemporaryDirectory() + "vault-core-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let settings = CoreSettings.testing(
            directory: directory, token: token, module: try SoftHSMFixture.shared().modulePath)
        return try await body(CoreSite(token: token, clock: TestClock(), settings: settings, directory: directory))
    }

    /// Makes the keys and the manifest.
    @discardableResult
    package func genesis(progress: (ManifestKey) -> Void = { _ in }) async throws -> Manifest {
        let clock = clock
        return try await DevelopmentGenesis(
            settings: settings, clock: { clock.now },
            random: { count in (0..<count).map { _ in UInt8.random(in: .min ... .max) } }
        ).run(progress: progress)
    }

    /// Starts the core; whoever calls shuts it down.
    ///
    /// It waits for all its tokens: on a busy machine one may take much longer than another.
    package func start(fatal: FatalErrors = FatalErrors()) async throws -> VaultCore {
        let clock = clock
        var timing = HSMGroup.Timing()
        timing.grace = .seconds(60)
        return try await VaultCore.start(
            settings: settings, logger: .silent, clock: { clock.now }, instance: UUID().uuidString, timing: timing,
            onFatal: { fatal.add($0) })
    }

    /// Begins the log as a genesis under a quorum does: its manifest's entry stands before everything else.
    func beginLog(_ manifest: Manifest) async throws {
        let clock = clock
        var options = settings.logOptions
        (options.headroom, options.closeTimeout) = (0, .milliseconds(100))
        let log = try AuditLog.open(
            directory: settings.logDirectory, origin: settings.logOrigin, signers: CheckpointSigners([]),
            clock: { clock.now }, options: options, onFatal: { _ in })
        var entry = Entry(kind: .adminManifestInstalled)
        (entry.custody, entry.manifestVersion) = (manifest.custodyStatement, manifest.version)
        entry.detail = ["manifest_hash": manifest.hash]
        _ = try await log.append(entry)
        // Nothing signs a checkpoint yet.
        try? await log.close()
    }

    /// The manifest as it lies in the directory.
    package var manifest: Manifest {
        get throws { try Manifest(jsonBytes: Array(try Data(contentsOf: URL(filePath: settings.manifestFile)))) }
    }

    /// Puts another manifest, or something that is none, in its place.
    package func replaceManifest(with bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(filePath: settings.manifestFile))
    }
}

extension CoreSettings {
    /// The settings of a core whose files are in a directory: a key of every algorithm and purpose, own user alone.
    package static func testing(directory: String, token: SoftHSMDirectory.Token, module: String) -> CoreSettings {
        func signing(_ algorithm: String) -> KeyPlan {
            KeyPlan(
                label: "sign-\(algorithm.lowercased())", purpose: "signing", algorithm: algorithm, types: ["at+jwt"],
                maximumLifetime: 300)
        }
        func other(_ label: String, _ purpose: String, _ algorithm: String) -> KeyPlan {
            KeyPlan(label: label, purpose: purpose, algorithm: algorithm, types: [], maximumLifetime: nil)
        }
        return CoreSettings(
            configurationFile: directory + "/config.yaml", issuer: "https://vault.example",
            frontSocket: directory + "/front.sock", adminSocket: directory + "/admin.sock", frontUsers: [getuid()],
            adminUsers: [getuid()], manifestFile: directory + "/manifest.json", custody: "development",
            tokens: [Token(field: "hsm", module: module, uri: token.uri, pinFile: token.pinFile)],
            logDirectory: directory + "/log",
            logOrigin: "vault.example/log",
            // Ten times that without a checkpoint is a fault in status: more than a busy machine holds one up.
            checkpointInterval: .milliseconds(500), headroom: 0,
            keys: ["ES256", "RS256", "EdDSA", "PS256"].map(signing) + [
                other("checkpoint", "checkpoint", "EdDSA"), other("tls-gateway", "tls", "ES256"),
                other("tls-public", "tls", "ES256"), other("kek", "kek", "RSA-OAEP"),
            ])
    }
}
