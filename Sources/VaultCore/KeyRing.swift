import CoreProtocol
package import Custody
package import HSMBridge

/// The keys of the manifest that the core may use, each bound to its object in the token.
package struct KeyRing: Sendable {
    /// A key that signs tokens behind the gate.
    package struct Signing: Sendable {
        package let manifest: ManifestKey
        package let hsm: SigningKey
    }

    /// A listener's key.
    package struct TLS: Sendable {
        package let manifest: ManifestKey
        package let hsm: TLSKey
    }

    private let signing: [String: Signing]
    private let tls: [String: TLS]
    package let checkpoint: CheckpointKey
    package let checkpointManifest: ManifestKey

    /// Finds every active key of `manifest` in the token and signs once with each; a missing, doubled, different or
    /// useless one stops the start.
    package init(manifest: Manifest, hsm: HSM, file: String) async throws(StartError) {
        var signing: [String: Signing] = [:]
        var tls: [String: TLS] = [:]
        var checkpoint: (CheckpointKey, ManifestKey)?
        for (index, key) in manifest.keys.enumerated() where key.state == .active {
            do {
                let reference = try key.reference(file: file)
                switch key.purpose {
                case .signing: signing[key.kid] = Signing(manifest: key, hsm: try await hsm.signingKey(reference))
                case .tls: tls[key.label] = TLS(manifest: key, hsm: try await hsm.tlsKey(reference))
                case .checkpoint:
                    guard checkpoint == nil else {
                        throw StartError(
                            file: file, field: "keys[\(index)] (\(key.label))",
                            problem: "is a second active checkpoint key", mend: "retire one of them")
                    }
                    checkpoint = (try await hsm.checkpointKey(reference), key)
                // Neither is used before its ceremony exists; the manifest may name them already.
                case .assertion, .kek: continue
                }
            } catch let error as StartError {
                throw error
            } catch {
                throw StartError(
                    file: file, field: "keys[\(index)] (\(key.label))", problem: "\(error)",
                    mend: "use the manifest that was written for this token")
            }
        }
        guard let checkpoint else {
            throw StartError(
                file: file, field: "keys", problem: "names no active checkpoint key",
                mend: "a log cannot be kept without one: generate it")
        }
        self.signing = signing
        self.tls = tls
        (self.checkpoint, self.checkpointManifest) = checkpoint
    }

    /// The signing key with this kid; unknown or inactive ones are refused, there is no fall-back.
    func signing(kid: String) throws(CoreError) -> Signing {
        guard let key = signing[kid] else { throw CoreError(.unknownKey, "no active signing key has this kid") }
        return key
    }

    /// The TLS key with this label.
    func tls(label: String) throws(CoreError) -> TLS {
        guard let key = tls[label] else { throw CoreError(.unknownKey, "no active TLS key has this label") }
        return key
    }
}
