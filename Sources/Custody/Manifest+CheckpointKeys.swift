package import AuditLog
import StrictEncoding

/// The keys of manifests that may have signed checkpoints, by what the newest manifest that names them says.
package struct CheckpointKeys: Sendable {
    /// Those that may sign now.
    package private(set) var current: [VerifierKey] = []
    /// Those that may not sign any more: what they signed counts.
    package private(set) var retired: [VerifierKey] = []
    /// Those that somebody else may hold: what they signed counts only where something else vouches for it.
    package private(set) var quarantined: [VerifierKey] = []

    /// The keys of manifests, the oldest first, for the log with this name.
    package init(_ manifests: [Manifest], origin: String) throws(AuditLogError) {
        for key in manifests.flatMap(\.keys) where key.purpose == .checkpoint {
            let verifier = try key.verifierKey(name: origin)
            for list in [\CheckpointKeys.current, \.retired, \.quarantined] {
                self[keyPath: list].removeAll { $0 == verifier }
            }
            switch key.state {
            case .generated, .prepublished, .active, .retiring: current.append(verifier)
            case .retired, .destroyed: retired.append(verifier)
            case .quarantined: quarantined.append(verifier)
            }
        }
    }
}

extension ManifestKey {
    /// The start of every SubjectPublicKeyInfo of a P-256 key, up to its uncompressed point (RFC 5480 section 2).
    private static let p256Header: [UInt8] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86,
        0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
    ]

    fileprivate func verifierKey(name: String) throws(AuditLogError) -> VerifierKey {
        let x = jwk["x"]?.string.flatMap { Base64URL.decode($0) } ?? []
        switch (jwk["kty"]?.string, jwk["crv"]?.string) {
        case ("OKP", "Ed25519"): return try VerifierKey(name: name, algorithm: .ed25519, publicKey: x)
        case ("EC", "P-256"):
            let y = jwk["y"]?.string.flatMap { Base64URL.decode($0) } ?? []
            return try VerifierKey(name: name, algorithm: .ecdsaP256, publicKey: ManifestKey.p256Header + x + y)
        default: throw AuditLogError(.badKey, "the checkpoint key \(label) is of a kind that notes do not have")
        }
    }
}
