package import AuditLog
import CVaultSystem
import Custody
import Foundation
import HSMBridge
package import Logging
package import StrictEncoding

extension VaultCore {
    /// Opens manifest, token and log in that order; whatever is wrong stops the start with one clear line.
    ///
    /// `onFatal` is called when the log can take nothing any more: the process must end.
    package static func start(
        settings: CoreSettings, logger: Logger, clock: @escaping @Sendable () -> UnixTime, instance: String,
        onFatal: @escaping @Sendable (AuditLogError) -> Void
    ) async throws -> VaultCore {
        let manifest = try Manifest.load(settings)
        let settings = settings.completingEntries(from: manifest)
        let hsm = try await HSM.open(settings)
        do {
            let token = try manifest.token(of: hsm, file: settings.manifestFile)
            let keys = try await KeyRing(manifest: manifest, hsm: hsm, file: settings.manifestFile)
            try checkPlan(settings, manifest)
            let signer = try checkpointSigner(settings, keys)
            let log = try openLog(settings, signer: signer, clock: clock, onFatal: onFatal)
            let core = VaultCore(
                settings: settings, manifest: manifest, hsm: hsm, keys: keys, log: log, instance: instance,
                clock: clock, logger: logger)
            try await core.begin(token: token)
            return core
        } catch {
            // Else the token stays logged in, and the next start in this process is refused for that alone.
            _ = await hsm.shutdown()
            throw error
        }
    }

    /// Opens the record of this run.
    ///
    /// A clock that is behind the log does not stop the start: a person vouches for it through the admin socket. Until
    /// then nothing can be recorded, so nothing is issued.
    private func begin(token: ManifestToken) async throws(StartError) {
        let detail = ["token": token.serial, "manifest_hash": manifest.hash, "instance": instance]
        do throws(AuditLogError) {
            try await appendOwn(.adminCoreStarted, detail: detail)
        } catch {
            if error.code == .clockBehind { return recordStartLater(detail) }
            try? await log.close()
            throw StartError(file: settings.logDirectory, problem: "\(error)", mend: "see the log's disk and clock")
        }
    }

    private func recordStartLater(_ detail: [String: String]) {
        logger.error("the clock is behind the log: mend it, or vouch for it with audit accept-time")
        Task { [weak self] in
            while let self {
                do throws(AuditLogError) {
                    try await self.appendOwn(.adminCoreStarted, detail: detail)
                    return
                } catch {
                    guard error.code == .clockBehind else { return }
                }
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    /// The configuration may ask for no key that the manifest does not hold.
    private static func checkPlan(_ settings: CoreSettings, _ manifest: Manifest) throws(StartError) {
        for (index, plan) in settings.keys.enumerated() {
            guard
                manifest.keys.contains(where: {
                    $0.label == plan.label && $0.purpose.rawValue == plan.purpose && $0.algorithm == plan.algorithm
                })
            else {
                throw StartError(
                    file: settings.configurationFile, field: "keys[\(index)] (\(plan.label))",
                    problem: "the manifest \(settings.manifestFile) holds no such key",
                    mend: "generate it by a ceremony, or take it out of the configuration")
            }
        }
    }

    private static func checkpointSigner(
        _ settings: CoreSettings, _ keys: KeyRing
    ) throws(StartError) -> TokenCheckpointSigner {
        let algorithm = KeyAlgorithm(rawValue: keys.checkpointManifest.algorithm)
        guard algorithm == .edDSA || algorithm == .es256 else {
            throw StartError(
                file: settings.manifestFile, field: "keys (\(keys.checkpointManifest.label))",
                problem: "a checkpoint key must be EdDSA or ES256",
                mend: "generate one: signed notes are signed with Ed25519, or with ECDSA on P-256")
        }
        do {
            return try TokenCheckpointSigner(key: keys.checkpoint, origin: settings.logOrigin)
        } catch {
            throw StartError(
                file: settings.configurationFile, field: "audit.origin", problem: "\(error)",
                mend: "write a name without spaces and plus signs, like vault.example/log")
        }
    }

    private static func openLog(
        _ settings: CoreSettings, signer: TokenCheckpointSigner, clock: @escaping @Sendable () -> UnixTime,
        onFatal: @escaping @Sendable (AuditLogError) -> Void
    ) throws(StartError) -> AuditLog {
        var options = settings.logOptions
        options.checkpointInterval = settings.checkpointInterval
        options.headroom = settings.headroom
        do {
            return try AuditLog.open(
                directory: settings.logDirectory, origin: settings.logOrigin, signer: signer, clock: clock,
                options: options, onFatal: onFatal)
        } catch {
            throw logFault(error, settings)
        }
    }

    private static func logFault(_ error: AuditLogError, _ settings: CoreSettings) -> StartError {
        let keys = settings.logDirectory + ".vkey"
        if error.path == keys {
            return StartError(
                file: keys, problem: "cannot be written (\(error.reason))",
                mend: "make its directory writable for the core's user")
        }
        let isOlder = error.code == .rolledBack
        return StartError(
            file: settings.logDirectory, problem: "\(error)",
            mend: isOlder
                ? "put the newest copy back; if there is none: vault-appliance audit restore"
                : "see docs/operating.md, \"The log does not open\"")
    }
}

extension Manifest {
    /// Reads the manifest the settings name and holds it against their custody mode.
    static func load(_ settings: CoreSettings) throws(StartError) -> Manifest {
        let bytes: Data
        do {
            bytes = try Data(contentsOf: URL(filePath: settings.manifestFile))
        } catch {
            throw StartError(
                file: settings.manifestFile, problem: "cannot be read",
                mend: "make the appliance's keys first, or correct core.manifest")
        }
        let manifest: Manifest
        do {
            manifest = try Manifest(jsonBytes: [UInt8](bytes))
        } catch {
            throw StartError(
                file: settings.manifestFile, field: error.path.isEmpty ? nil : error.path, problem: error.problem,
                mend: "restore the manifest as the ceremony wrote it; it is never edited by hand")
        }
        guard manifest.custody.rawValue == settings.custody else {
            throw StartError(
                file: settings.configurationFile, field: "core.custody",
                problem: "is \(settings.custody), but the manifest says \(manifest.custody.rawValue)",
                mend: "use the configuration that belongs to this manifest")
        }
        guard manifest.custody == .development else {
            throw StartError(
                file: settings.manifestFile, field: "custody", problem: "this build can check no quorum's signatures",
                mend: "use a build with ceremonies")
        }
        return manifest
    }

    /// The entry of the token that was opened.
    fileprivate func token(of hsm: HSM, file: String) throws(StartError) -> ManifestToken {
        let serial = hsm.profile.info.serial
        guard let token = tokens.first(where: { $0.serial == serial }) else {
            throw StartError(
                file: file, field: "tokens", problem: "does not name the token with serial \(serial)",
                mend: "use the manifest that was written for this token, or correct hsm.token")
        }
        return token
    }
}

extension HSM {
    /// Opens the configured token and logs in with the PIN file that development custody admits.
    static func open(_ settings: CoreSettings) async throws(StartError) -> HSM {
        let file = settings.configurationFile
        do throws(HSMError) {
            var configuration = HSM.Configuration()
            configuration.lanes = settings.lanes
            configuration.queue = settings.queueCapacity
            return try await HSM.open(
                modulePath: settings.module, token: try TokenURI(settings.token), pin: try PIN(file: settings.pinFile),
                configuration: configuration)
        } catch {
            switch error.code {
            case .moduleNotFound, .moduleRefused, .moduleInUse:
                throw StartError(
                    file: file, field: "hsm.module", problem: "\(error)",
                    mend: "give the absolute path of the vendor's PKCS#11 library")
            case .pinFileRefused, .pinRefused, .pinKnownBad, .pinFinalTry, .pinLocked, .pinLength:
                throw StartError(
                    file: file, field: "hsm.pin_file", problem: "\(error)",
                    mend: "\(settings.pinFile) must be a regular file of the core's user, mode 0600, with the PIN alone"
                )
            case .uriMalformed, .uriAttributeUnknown, .uriAttributeRepeated, .pinInURI, .pinSourceRefused:
                throw StartError(
                    file: file, field: "hsm.token", problem: "\(error)",
                    mend: "write it like pkcs11:token=LABEL;serial=SERIAL (RFC 7512)")
            default:
                throw StartError(
                    file: file, field: "hsm.token", problem: "\(error)",
                    mend: "list the tokens with: pkcs11-tool --module \(settings.module) --list-slots")
            }
        }
    }
}
