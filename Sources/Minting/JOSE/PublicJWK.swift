package import StrictEncoding

/// A public key that verifies exactly one algorithm.
///
/// Source: RFC 7517, RFC 7518 section 6, RFC 8037 section 2.
package struct PublicJWK: Sendable {
    /// The public numbers of a key, as a JWK has them: big-endian, RSA numbers without leading zeros.
    package enum Material: Sendable, Hashable {
        /// A point of P-256; coordinates of 32 bytes.
        case p256(x: [UInt8], y: [UInt8])
        /// Modulus and public exponent.
        case rsa(n: [UInt8], e: [UInt8])
        /// An Ed25519 key of 32 bytes.
        case ed25519(x: [UInt8])
    }

    /// The longest `kid` in bytes.
    package static let maximumKeyIDLength = 256

    /// The key's name within its set.
    package let kid: String
    /// The one algorithm it is used with, whatever a header says.
    package let algorithm: JWSAlgorithm
    /// The public numbers.
    package let material: Material
    let verifier: SignatureVerifier

    /// A key of raw numbers; without a `kid` it is named by its thumbprint.
    ///
    /// Refuses numbers that do not fit the algorithm, points off the curve, and RSA keys that are weak or larger than
    /// 4096 bits (a verification would cost too much).
    package init(_ material: Material, algorithm: JWSAlgorithm, kid: String? = nil) throws(MintingError) {
        let kid = kid ?? Self.thumbprint(of: material)
        guard VisibleASCII.isName(kid, maximum: Self.maximumKeyIDLength) else {
            throw MintingError(.badKeyID, "kid must be 1 to \(Self.maximumKeyIDLength) visible ASCII characters")
        }
        self.kid = kid
        self.algorithm = algorithm
        self.material = material
        verifier = try SignatureVerifier(material, algorithm: algorithm)
    }

    /// Whether `signature` is the key's over `input`.
    package func verify(_ signature: [UInt8], over input: [UInt8]) -> Bool {
        verifier.isValid(signature, over: input[...])
    }

    /// The same for a part of a longer text.
    package func verify(_ signature: [UInt8], over input: ArraySlice<UInt8>) -> Bool {
        verifier.isValid(signature, over: input)
    }

    /// SHA-256 thumbprint in base64url.
    ///
    /// Source: RFC 7638 section 3, RFC 8037 section 2.
    package var thumbprint: String { Self.thumbprint(of: material) }

    /// The members that a thumbprint covers: `kty` and the public numbers.
    ///
    /// Source: RFC 7638 section 3.2.
    package var required: JSONObject { Self.required(of: material) }

    /// The key as verifiers fetch it: with `kid`, `alg` and `use`.
    package var json: JSONObject {
        var object = required
        object["kid"] = .string(kid)
        object["alg"] = .string(algorithm.rawValue)
        object["use"] = "sig"
        return object
    }
}
