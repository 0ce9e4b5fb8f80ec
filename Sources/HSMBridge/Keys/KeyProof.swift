/// How the host sees, with a public key, that a token's private key is the right one.
enum KeyProof: Sendable {
    /// Each signature is verified before it is released.
    case signatures(SignatureVerifier)
    /// What the host encrypts comes back.
    case roundTrip(OAEPEncryption)

    init(_ reference: KeyReference) throws(HSMError) {
        try reference.publicKey.validate(for: reference.algorithm)
        if let hash = reference.algorithm.oaepHash {
            self = .roundTrip(try OAEPEncryption(reference.publicKey, hash: hash))
        } else {
            self = .signatures(try SignatureVerifier(reference.publicKey, algorithm: reference.algorithm))
        }
    }
}
