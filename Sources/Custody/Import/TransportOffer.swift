import Crypto
package import StrictEncoding

/// A public key of a token to which one private key may be wrapped, for one import; signed by the appliance's host key.
///
/// Whoever could put another public key in its place would get the private key: so a custodian's tool verifies the offer
/// against the manifests it has pinned before it opens the PEM file.
package struct TransportOffer: Sendable, Equatable {
    /// The only format there is.
    package static let format = "vault-transport/1"

    package var appliance: String
    /// Hash of the manifest in force.
    package var manifest: String
    /// Serial number of the token that holds the private half, until the import is done or given up.
    package var token: String
    /// What the imported key will be called.
    package var label: String
    /// `RSA-OAEP` or `RSA-OAEP-256`.
    package var algorithm: String
    /// The public key (RFC 7517), required members alone.
    package var jwk: JSONObject
    /// What the token says of the private half.
    package var evidence: [String: Bool]
    package var expires: UnixTime

    /// An offer.
    package init(
        appliance: String, manifest: String, token: String, label: String, algorithm: String, jwk: JSONObject,
        evidence: [String: Bool], expires: UnixTime
    ) {
        self.appliance = appliance
        self.manifest = manifest
        self.token = token
        self.label = label
        self.algorithm = algorithm
        self.jwk = jwk
        self.evidence = evidence
        self.expires = expires
    }

    /// The bytes that are signed.
    package var bytes: [UInt8] { JSONWriter.canonical(json) + [0x0A] }

    /// SHA-256 of them, in hexadecimal: what a wrapped key says it was wrapped for.
    package var hash: String { Hexadecimal.string(SHA256.hash(data: bytes)) }

    var json: JSONValue {
        [
            "format": .string(TransportOffer.format), "appliance": .string(appliance), "manifest": .string(manifest),
            "token": .string(token), "label": .string(label), "alg": .string(algorithm), "jwk": .object(jwk),
            "evidence": .object(
                JSONObject(evidence.sorted { $0.key < $1.key }.map { .init(name: $0.key, value: .bool($0.value)) })),
            "expires": .string(expires.rfc3339),
        ]
    }

    init(json: JSONValue, path: String) throws(SchemaFault) {
        var reader = try ObjectReader(json, path: path)
        guard try reader.string("format") == TransportOffer.format else {
            throw reader.fault("format", "must be \(TransportOffer.format)")
        }
        appliance = try reader.string("appliance")
        manifest = try reader.string("manifest")
        token = try reader.string("token")
        label = try reader.string("label")
        algorithm = try reader.string("alg")
        guard let jwk = try reader.required("jwk").object else { throw reader.fault("jwk", "must be a JWK") }
        self.jwk = jwk
        evidence = [:]
        for member in try reader.required("evidence").object?.members ?? [] {
            evidence[member.name] = member.value.bool
        }
        guard let expires = UnixTime(rfc3339: try reader.string("expires")) else {
            throw reader.fault("expires", "must be a time")
        }
        self.expires = expires
        try reader.finish()
    }

    /// Verifies that the manifest's host key made this offer for one of the manifest's tokens.
    package func verify(signature: String, chain: ManifestChain, now: UnixTime) throws(CustodyError) {
        guard appliance == chain.current.appliance else {
            throw CustodyError(.foreign, "the transport key is of another appliance than the manifests")
        }
        guard manifest == chain.current.hash, chain.current.tokens.contains(where: { $0.serial == token }) else {
            throw CustodyError(
                .stale, "the transport key is for another manifest than version \(chain.current.version)")
        }
        do {
            try chain.verifyHost(bytes, signature: signature, for: .transport)
        } catch {
            throw CustodyError(
                error.code, "the transport key was not made by this appliance: \(error.reason). Wrap nothing to it")
        }
        guard now < expires else { throw CustodyError(.expired, "the transport key ended at \(expires.rfc3339)") }
    }
}
