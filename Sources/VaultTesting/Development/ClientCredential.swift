/// A client certificate and its private key, for development and tests.
package struct ClientCredential: Sendable, CustomStringConvertible {
    /// The certificate, PEM.
    package let certificatePEM: String
    /// The private key, PEM (PKCS#8).
    package let keyPEM: String

    /// A credential of these two documents.
    package init(certificatePEM: String, keyPEM: String) {
        self.certificatePEM = certificatePEM
        self.keyPEM = keyPEM
    }

    /// Writes `NAME.pem` and `NAME-key.pem` into a directory; the key is for its owner alone.
    package func write(name: String, directory: String) throws {
        try OwnerOnlyFile.create("\(directory)/\(name).pem", certificatePEM.utf8, mode: 0o644)
        try OwnerOnlyFile.create("\(directory)/\(name)-key.pem", keyPEM.utf8)
    }

    /// No key material.
    package var description: String { "<redacted>" }
}
