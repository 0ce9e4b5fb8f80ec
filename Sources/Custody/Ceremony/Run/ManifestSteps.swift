import StrictEncoding

/// The steps with which a ceremony brings a new manifest into force: draft, quorum's signatures, installation.
package enum ManifestSteps {
    /// The names of these steps in transcripts.
    package static let draft = "manifest.draft"
    package static let sign = "manifest.sign"
    package static let install = "manifest.install"
    /// How the names of steps begin that set a token's PIN of another epoch.
    package static let settingPIN = "pin."
    /// The step of a genesis after which custodians can activate what it has made.
    package static let handOver = "hand-over"

    /// Writes the manifest that custodians are to sign; `make` returns it without signatures.
    package static func draft(
        _ ceremony: Ceremony, make: @escaping @Sendable () async throws -> Manifest
    ) -> CeremonyStep {
        let directory = ceremony.directory
        return CeremonyStep(
            name: draft, title: "Write the manifest that custodians are to sign",
            act: {
                var manifest = try await make()
                manifest.signatures = []
                try PrivateFile.create(directory.manifest, manifest.bodyBytes)
                try PrivateFile.syncDirectory(directory.path)
            },
            verify: {
                guard directory.exists(directory.manifest) else { return nil }
                // A file that a crash left half is no manifest: it is written again.
                guard let manifest = try? ceremony.draftedManifest() else { return nil }
                return [
                    "manifest_version": .integer(manifest.version), "manifest_hash": .string(manifest.hash),
                    "keys": .array(
                        manifest.keys.map { key in
                            [
                                "label": .string(key.label), "kid": .string(key.kid), "token": .string(key.token),
                                "state": .string(key.state.rawValue),
                            ]
                        }),
                ]
            },
            undo: {
                // Nobody shall put into force what was taken back.
                for signature in try PrivateFile.names(in: directory.signatures)
                where signature.hasPrefix(Ceremony.manifestSignature) {
                    try PrivateFile.remove("\(directory.signatures)/\(signature)")
                }
                try PrivateFile.remove(directory.manifest)
            })
    }

    /// Waits until enough custodians have signed it.
    package static func sign(_ ceremony: Ceremony) -> CeremonyStep {
        CeremonyStep(
            name: sign, title: "Have the manifest signed by the custodians", role: .custodians,
            check: {
                guard let wait = try ceremony.waitForManifest() else { return .ready }
                return .waiting(wait)
            }, act: {},
            verify: {
                guard try ceremony.waitForManifest() == nil else { return nil }
                let manifest = try ceremony.signedManifest()
                let signers = try Quorum.signers(
                    of: manifest.bodyBytes, signatures: manifest.signatures, for: .manifest,
                    among: ceremony.authority.custodians)
                return ["signed": .array(signers.map { .string($0) }), "manifest_hash": .string(manifest.hash)]
            })
    }

    /// Puts it into force; `installed` says whether it is, `act` does it, `check` looks before whether it still may.
    ///
    /// Without `undo` an abort leaves the manifest in force, with everything that was made for it and that proves it.
    package static func install(
        _ ceremony: Ceremony, check: @escaping @Sendable () async throws -> CeremonyStep.Readiness = { .ready },
        act: @escaping @Sendable (Manifest) async throws -> Void,
        installed: @escaping @Sendable (Manifest) async throws -> Bool,
        undo: (@Sendable () async throws -> Void)? = nil
    ) -> CeremonyStep {
        CeremonyStep(
            name: install, title: "Put the signed manifest into force", check: check,
            act: { try await act(try ceremony.signedManifest()) },
            verify: {
                let manifest = try ceremony.signedManifest()
                guard try await installed(manifest) else { return nil }
                return [
                    "manifest_version": .integer(manifest.version), "manifest_hash": .string(manifest.hash),
                ]
            }, undo: undo, leaves: "the manifest is in force; another ceremony may bring its successor",
            isFinal: undo == nil)
    }
}
