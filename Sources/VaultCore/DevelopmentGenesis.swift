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
        let file = try ExclusiveFile(path: settings.manifestFile)
        do {
            let hsm = try await HSM.open(settings)
            let manifest = try await make(hsm, progress: progress)
            _ = await hsm.shutdown()
            try file.write(manifest.jsonBytes)
            return manifest
        } catch {
            file.remove()
            throw error
        }
    }

    private func make(_ hsm: HSM, progress: (ManifestKey) -> Void) async throws -> Manifest {
        let token = hsm.profile.info
        var keys: [ManifestKey] = []
        for plan in settings.keys {
            let key = try await generate(plan, hsm, serial: token.serial)
            progress(key)
            keys.append(key)
        }
        return Manifest(
            appliance: Manifest.hexadecimal(random(16)), version: 1, previous: nil, custody: .development,
            created: clock(), hostKey: nil,
            tokens: [
                ManifestToken(
                    label: token.label, serial: token.serial, model: "\(token.manufacturer) \(token.model)",
                    keyEncryptionKey: nil)
            ],
            keys: keys, custodians: [], approvers: [], threshold: 0,
            dials: .init(configApprovals: 0, unattendedStart: true, restartGrace: 0, fileTLSKeys: false),
            signatures: [])
    }

    private func generate(_ plan: CoreSettings.KeyPlan, _ hsm: HSM, serial: String) async throws -> ManifestKey {
        guard let purpose = ManifestKey.Purpose(rawValue: plan.purpose),
            let keyPurpose = KeyPurpose(rawValue: plan.purpose),
            let algorithm = KeyAlgorithm(rawValue: plan.algorithm)
        else {
            throw StartError(
                file: settings.configurationFile, field: "keys (\(plan.label))",
                problem: "a key for \(plan.purpose) with \(plan.algorithm) cannot be made",
                mend: "use purpose signing, checkpoint or tls with ES256, EdDSA, RS256 or PS256")
        }
        let made = try await hsm.generate(KeySpecification(label: plan.label, algorithm: algorithm, purpose: keyPurpose))
        let jwk = made.reference.publicKey.jwk
        return ManifestKey(
            kid: ManifestKey.thumbprint(of: jwk), label: plan.label, id: Manifest.hexadecimal(made.reference.id), token: serial,
            algorithm: plan.algorithm, purpose: purpose, state: .active, provenance: .generated, jwk: jwk,
            evidence: made.evidence,
            gate: purpose == .signing
                ? .init(issuer: settings.issuer, types: plan.types, maximumLifetime: plan.maximumLifetime ?? 60) : nil)
    }
}
