import CoreProtocol
package import Custody
package import HSMBridge

/// The keys of the manifest that the core may use, each bound to its object in its token.
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

    /// A key that signs checkpoints of the log.
    package struct Checkpoint: Sendable {
        package let manifest: ManifestKey
        package let hsm: CheckpointKey
    }

    /// A key that opens the data keys of sealed secrets.
    package struct KeyEncryption: Sendable {
        package let manifest: ManifestKey
        package let hsm: KeyEncryptionKey
    }

    private var signing: [String: Signing] = [:]
    private var tls: [TLS] = []
    /// One of each token, in the order of the configuration.
    package private(set) var checkpoints: [Checkpoint] = []
    /// One of each token, in the order of the configuration.
    package private(set) var keyEncryption: [KeyEncryption] = []

    /// No keys.
    package init() {}

    /// Finds every active key that `manifest` names in the token and signs once with each; a missing, doubled, different
    /// or useless one is a fault.
    package init(manifest: Manifest, hsm: HSM, file: String) async throws(StartError) {
        let serial = hsm.profile.info.serial
        for (index, key) in manifest.keys.enumerated() where key.state == .active && key.token == serial {
            let field = "keys[\(index)] (\(key.label))"
            do {
                try await bind(key, in: hsm, file: file, field: field)
            } catch let error as StartError {
                throw error
            } catch {
                throw StartError(
                    file: file, field: field, problem: "\(error)",
                    mend: "use the manifest that was written for this token")
            }
        }
    }

    private mutating func bind(_ key: ManifestKey, in hsm: HSM, file: String, field: String) async throws {
        let reference = try key.reference(file: file)
        switch key.purpose {
        case .signing: signing[key.kid] = Signing(manifest: key, hsm: try await hsm.signingKey(reference))
        case .tls: tls.append(TLS(manifest: key, hsm: try await hsm.tlsKey(reference)))
        case .checkpoint:
            guard checkpoints.isEmpty else {
                throw StartError(
                    file: file, field: field, problem: "is a second active checkpoint key of its token",
                    mend: "retire one of them")
            }
            checkpoints.append(Checkpoint(manifest: key, hsm: try await hsm.checkpointKey(reference)))
        case .kek:
            guard keyEncryption.isEmpty else {
                throw StartError(
                    file: file, field: field, problem: "is a second active key encryption key of its token",
                    mend: "retire one of them")
            }
            keyEncryption.append(KeyEncryption(manifest: key, hsm: try await hsm.keyEncryptionKey(reference)))
        // Not used before its ceremony exists; the manifest may name one already.
        case .assertion: break
        }
    }

    /// Takes keys out.
    mutating func remove(_ kids: Set<String>) {
        signing = signing.filter { !kids.contains($0.key) }
        tls.removeAll { kids.contains($0.manifest.kid) }
        checkpoints.removeAll { kids.contains($0.manifest.kid) }
        keyEncryption.removeAll { kids.contains($0.manifest.kid) }
    }

    /// Adds the keys of another token.
    mutating func add(_ other: KeyRing) {
        signing.merge(other.signing) { first, _ in first }
        tls += other.tls
        checkpoints += other.checkpoints
        keyEncryption += other.keyEncryption
    }

    /// Whether there is a key that signs tokens.
    var canSign: Bool { !signing.isEmpty }

    /// The signing key with this kid; unknown or inactive ones are refused, there is no fall-back.
    func signing(kid: String) throws(CoreError) -> Signing {
        guard let key = signing[kid] else { throw CoreError(.unknownKey, "no active signing key has this kid") }
        return key
    }

    /// The TLS key with this kid.
    func tls(kid: String) throws(CoreError) -> TLS {
        guard let key = tls.first(where: { $0.manifest.kid == kid }) else {
            throw CoreError(.unknownKey, "no active TLS key has this kid")
        }
        return key
    }

    /// The TLS keys with this label, one in each token that is open.
    func tls(label: String) throws(CoreError) -> [TLS] {
        let keys = tls.filter { $0.manifest.label == label }
        guard !keys.isEmpty else { throw CoreError(.unknownKey, "no active TLS key has this label") }
        return keys
    }
}
