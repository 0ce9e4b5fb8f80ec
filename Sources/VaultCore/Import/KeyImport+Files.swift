package import Custody
package import HSMBridge
package import StrictEncoding

extension KeyImport {
    /// How long a custodian has to wrap the key, in seconds.
    package static let offerLifetime: Int64 = 86_400

    /// What the host key signs and a custodian wraps to.
    package func offer(
        appliance: String, manifest: String, token: String, label: String, now: UnixTime
    ) -> TransportOffer {
        TransportOffer(
            appliance: appliance, manifest: manifest, token: token, label: label, algorithm: algorithm.rawValue,
            jwk: publicKey.jwk, evidence: evidence, expires: now.adding(seconds: KeyImport.offerLifetime))
    }

    /// Brings a wrapped key in; its public key is the one that the file promises.
    ///
    /// Whether that is the key the plan names is the caller's to check before (`WrappedKey.jwk`).
    package func finish(
        _ wrapped: WrappedKey, _ specification: KeySpecification
    ) async throws(HSMError) -> GeneratedKey {
        let arrival = KeyReference.Arrival(specification: specification, jwk: wrapped.jwk)
        return try await finish(
            wrappedKey: wrapped.wrappedKey, wrapped: wrapped.wrapped, specification: specification,
            expected: try arrival.publicKey)
    }
}

extension PrivateKeyFile {
    /// The public key as numbers.
    package var publicKey: PublicKey {
        get throws(HSMError) {
            guard let key = PublicKey(jwk: jwk) else {
                throw HSMError(.importRefused, function: nil, returnValue: nil, context: "its JWK cannot be read")
            }
            return key
        }
    }
}
