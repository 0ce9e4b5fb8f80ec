package import AuditLog
import StrictEncoding

extension Manifest {
    /// The keys that may have signed checkpoints of the log with this name, in whatever state they are now.
    ///
    /// A quarantined key counts no more: somebody else may hold it.
    package func checkpointKeys(origin: String) throws(AuditLogError) -> [VerifierKey] {
        var found: [VerifierKey] = []
        for key in keys where key.purpose == .checkpoint && key.state != .quarantined {
            found.append(try key.verifierKey(name: origin))
        }
        return found
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
