package import Custody
import Glibc
import HSMBridge
package import StrictEncoding

/// Makes an appliance's first keys and an unsigned manifest, for development and tests alone.
///
/// The ceremony `genesis` does the same with custodians; this command exists so that a tester needs none. What it makes
/// says `custody: development` for life: in the manifest, in status, in health and in every entry of the log.
package struct DevelopmentGenesis {
    private let settings: CoreSettings
    private let clock: @Sendable () -> UnixTime
    private let random: @Sendable (Int) -> [UInt8]

    /// A genesis by the given settings; `random` returns that many random bytes.
    package init(
        settings: CoreSettings, clock: @escaping @Sendable () -> UnixTime, random: @escaping @Sendable (Int) -> [UInt8]
    ) {
        self.settings = settings
        self.clock = clock
        self.random = random
    }

    /// Generates every configured key and writes the manifest; refuses if there is a manifest already.
    ///
    /// `progress` hears each key with what the token said of it when it was read back.
    package func run(progress: (ManifestKey) -> Void) async throws -> Manifest {
        guard settings.custody == Manifest.Mode.development.rawValue else {
            throw StartError(
                file: settings.configurationFile, field: "core.custody", problem: "is not development",
                mend: "make the keys of a production appliance by the ceremony genesis")
        }
        // Every plan is read before the first key is made: what is made stays in the token.
        var plans: [Plan] = []
        for key in settings.keys { plans.append(try Plan(key, file: settings.configurationFile)) }
        let file = try ExclusiveFile(path: settings.manifestFile)
        do {
            let manifest = try await make(plans, progress: progress)
            try file.write(manifest.jsonBytes)
            return manifest
        } catch {
            file.remove()
            throw error
        }
    }

    /// Makes every key in every token, so that each can stand in for the others.
    private func make(_ plans: [Plan], progress: (ManifestKey) -> Void) async throws -> Manifest {
        var tokens: [ManifestToken] = []
        var keys: [ManifestKey] = []
        for settings in settings.tokens {
            let (token, made) = try await make(plans, in: settings, progress: progress)
            guard !tokens.contains(where: { $0.serial == token.serial }) else {
                throw StartError(
                    file: self.settings.configurationFile, field: "\(settings.field).token",
                    problem: "is a token that stands there already (serial \(token.serial))",
                    mend: "name each token once, by its serial number")
            }
            tokens.append(token)
            keys += made
        }
        return Manifest(
            appliance: Hexadecimal.string(random(16)), version: 1, previous: nil, custody: .development,
            created: clock(), hostKey: nil, tokens: tokens, keys: keys, custodians: [], approvers: [], threshold: 0,
            dials: .init(configApprovals: 0, unattendedStart: true, restartGrace: 0, fileTLSKeys: false),
            signatures: [])
    }

    /// Opens a token for as long as it takes.
    private func make(
        _ plans: [Plan], in settings: CoreSettings.Token, progress: (ManifestKey) -> Void
    ) async throws -> (ManifestToken, [ManifestKey]) {
        let hsm = try await HSM.open(settings, file: self.settings.configurationFile)
        do {
            var keys: [ManifestKey] = []
            for plan in plans {
                let key = try await generate(plan, hsm)
                progress(key)
                keys.append(key)
            }
            _ = await hsm.shutdown()
            let info = hsm.profile.info
            let token = ManifestToken(
                label: info.label, serial: info.serial, model: "\(info.manufacturer) \(info.model)",
                keyEncryptionKey: keys.first { $0.purpose == .kek }?.jwk)
            return (token, keys)
        } catch {
            // Else the token stays logged in, and a second try in this process is refused for that alone.
            _ = await hsm.shutdown()
            throw error
        }
    }

    private func generate(_ plan: Plan, _ hsm: HSM) async throws(StartError) -> ManifestKey {
        let made: GeneratedKey
        do {
            made = try await hsm.generate(plan.specification)
        } catch {
            throw StartError(
                file: settings.configurationFile, field: "keys (\(plan.configured.label))", problem: "\(error)",
                mend: "before another try remove from the token what this one has made: pkcs11-tool --delete-object")
        }
        let jwk = made.reference.publicKey.jwk
        return ManifestKey(
            kid: ManifestKey.thumbprint(of: jwk), label: made.reference.label,
            id: Hexadecimal.string(made.reference.id), token: hsm.profile.info.serial,
            algorithm: made.reference.algorithm.rawValue, purpose: plan.purpose, state: .active,
            provenance: .generated, jwk: jwk, evidence: made.evidence,
            gate: plan.purpose == .signing
                ? .init(
                    issuer: settings.issuer, types: plan.configured.types,
                    maximumLifetime: plan.configured.maximumLifetime ?? 60) : nil)
    }
}

/// A configured key that can be made.
private struct Plan {
    let configured: CoreSettings.KeyPlan
    let purpose: ManifestKey.Purpose
    let specification: KeySpecification

    init(_ configured: CoreSettings.KeyPlan, file: String) throws(StartError) {
        guard let purpose = ManifestKey.Purpose(rawValue: configured.purpose),
            let keyPurpose = KeyPurpose(rawValue: configured.purpose),
            let algorithm = KeyAlgorithm(rawValue: configured.algorithm)
        else {
            throw StartError(
                file: file, field: "keys (\(configured.label))",
                problem: "a key for \(configured.purpose) with \(configured.algorithm) cannot be made",
                mend:
                    "use purpose signing, checkpoint or tls with ES256, EdDSA, RS256 or PS256, or kek with RSA-OAEP-256"
            )
        }
        self.configured = configured
        self.purpose = purpose
        specification = KeySpecification(label: configured.label, algorithm: algorithm, purpose: keyPurpose)
    }
}
