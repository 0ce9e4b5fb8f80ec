package import StrictEncoding

/// A PKCS#11 token that the manifest trusts.
package struct ManifestToken: Sendable, Equatable {
    package var label: String
    package var serial: String
    /// Manufacturer and model as the token reports them.
    package var model: String
    /// Public key that sealed secrets are wrapped to, as a JWK; nil until a ceremony made one.
    package var keyEncryptionKey: JSONObject?

    /// A token.
    package init(label: String, serial: String, model: String, keyEncryptionKey: JSONObject?) {
        self.label = label
        self.serial = serial
        self.model = model
        self.keyEncryptionKey = keyEncryptionKey
    }
}

/// A key that the manifest trusts, what it may be used for, and what the token said of it when it was made.
package struct ManifestKey: Sendable, Equatable {
    /// What a key is for; a key has exactly one purpose for life.
    package enum Purpose: String, Sendable, CaseIterable {
        case signing, assertion, checkpoint, tls, kek
    }

    /// The life of a key (docs/ceremonies.md): only `active` signs; prepublished, active and retiring stand in the JWKS.
    package enum State: String, Sendable, CaseIterable {
        case generated, prepublished, active, retiring, retired, destroyed, quarantined

        /// Whether verifiers must be able to find the key.
        package var isPublished: Bool { self == .prepublished || self == .active || self == .retiring }
    }

    /// Whether the private key was born in the token.
    package enum Provenance: String, Sendable, CaseIterable {
        case generated, imported
    }

    /// What the gate lets a signing key sign.
    package struct Gate: Sendable, Equatable {
        /// The `iss` claim.
        package var issuer: String
        /// Allowed `typ` header values.
        package var types: [String]
        /// Longest `exp - iat` in seconds.
        package var maximumLifetime: Int64

        /// A gate profile.
        package init(issuer: String, types: [String], maximumLifetime: Int64) {
            self.issuer = issuer
            self.types = types
            self.maximumLifetime = maximumLifetime
        }
    }

    /// RFC 7638 thumbprint of `jwk`.
    package var kid: String
    package var label: String
    /// CKA_ID in hexadecimal.
    package var id: String
    /// Serial number of the token that holds it.
    package var token: String
    package var algorithm: String
    package var purpose: Purpose
    package var state: State
    package var provenance: Provenance
    /// The public key (RFC 7517), without `kid`, `alg`, `use`.
    package var jwk: JSONObject
    /// Attributes read back and negative probes, by name, as the token answered.
    package var evidence: [String: Bool]
    /// Present for signing and assertion keys alone.
    package var gate: Gate?

    /// A key.
    package init(
        kid: String, label: String, id: String, token: String, algorithm: String, purpose: Purpose, state: State,
        provenance: Provenance, jwk: JSONObject, evidence: [String: Bool], gate: Gate?
    ) {
        self.kid = kid
        self.label = label
        self.id = id
        self.token = token
        self.algorithm = algorithm
        self.purpose = purpose
        self.state = state
        self.provenance = provenance
        self.jwk = jwk
        self.evidence = evidence
        self.gate = gate
    }
}
