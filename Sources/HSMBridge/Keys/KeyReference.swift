/// Which key of a token is meant, and what its public key must be: from the manifest, never from the token.
package struct KeyReference: Sendable, Hashable {
    /// CKA_ID.
    package let id: [UInt8]
    /// CKA_LABEL.
    package let label: String
    /// The one algorithm it is used with.
    package let algorithm: KeyAlgorithm
    /// The public key that the token's must equal.
    package let publicKey: PublicKey

    /// A reference; whether the token has such a key shows when it is opened.
    package init(id: [UInt8], label: String, algorithm: KeyAlgorithm, publicKey: PublicKey) {
        self.id = id
        self.label = label
        self.algorithm = algorithm
        self.publicKey = publicKey
    }
}
