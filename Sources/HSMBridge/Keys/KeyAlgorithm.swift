internal import CPKCS11

/// What a key is used with, by its JOSE name (RFC 7518 sections 3.1 and 4.1, RFC 8037 section 3.1).
package enum KeyAlgorithm: String, Sendable, Hashable {
    case es256 = "ES256"
    case es384 = "ES384"
    case rs256 = "RS256"
    case ps256 = "PS256"
    case edDSA = "EdDSA"
    /// RSA-OAEP with SHA-1, for tokens that have no other hash: data keys are opened with it, and nothing is signed.
    case rsaOAEP = "RSA-OAEP"
    /// RSA-OAEP with SHA-256.
    case rsaOAEP256 = "RSA-OAEP-256"

    /// Those that sign.
    package static let signatures: [KeyAlgorithm] = [.es256, .es384, .rs256, .ps256, .edDSA]

    /// The hash of RSA-OAEP; nil for those that sign.
    package var oaepHash: OAEPHash? {
        switch self {
        case .rsaOAEP: .sha1
        case .rsaOAEP256: .sha256
        default: nil
        }
    }

    var isRSA: Bool { keyType == CKK_RSA }

    /// The kind of key it takes (CK_KEY_TYPE).
    var keyType: CK_KEY_TYPE {
        switch self {
        case .es256, .es384: CKK_EC
        case .rs256, .ps256, .rsaOAEP, .rsaOAEP256: CKK_RSA
        case .edDSA: CKK_EC_EDWARDS
        }
    }

    /// How a key pair for it is made.
    var generationMechanism: MechanismType {
        switch self {
        case .es256, .es384: .ecKeyPairGeneration
        case .rs256, .ps256, .rsaOAEP, .rsaOAEP256: .rsaKeyPairGeneration
        case .edDSA: .edwardsKeyPairGeneration
        }
    }

    /// Ways to ask a token to use a key of it, the preferred one first.
    ///
    /// The host hashes: 32 to 51 bytes travel to the token instead of the whole message, every token offers the bare
    /// mechanism (SoftHSM 2.6.1 has no CKM_ECDSA_SHA256), and hash and host verification share one digest. For RS256 the
    /// host therefore builds the DigestInfo for CKM_RSA_PKCS; CKM_SHA256_RSA_PKCS is for tokens, some in FIPS mode, that do
    /// not offer it. EdDSA hashes inside (RFC 8032), so the message itself travels.
    var mechanisms: [Mechanism] {
        switch self {
        case .es256, .es384: [.plain(.ecdsa)]
        case .rs256: [.plain(.rsaPKCS), .plain(.sha256RSAPKCS)]
        case .ps256: [.pssSHA256]
        case .edDSA: [.plain(.edDSA)]
        case .rsaOAEP: [.oaep(.sha1)]
        case .rsaOAEP256: [.oaep(.sha256)]
        }
    }

    /// CKA_EC_PARAMS of its curve, as a DER object identifier; nil for RSA.
    var curveParameters: [UInt8]? {
        switch self {
        case .es256: [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]
        case .es384: [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22]
        case .edDSA: [0x06, 0x03, 0x2b, 0x65, 0x70]
        case .rs256, .ps256, .rsaOAEP, .rsaOAEP256: nil
        }
    }

    /// Whether CKA_EC_PARAMS says its curve; Edwards curves may also go by their name (PKCS#11 v3.0 section 2.3.5).
    func isCurve(_ parameters: [UInt8]) -> Bool {
        // A PrintableString.
        let name: [UInt8] = [0x13, 12] + Array("edwards25519".utf8)
        return parameters == curveParameters || (self == .edDSA && parameters == name)
    }

    /// Mechanisms for the same kind of key that a key of this algorithm must refuse.
    var foreignMechanisms: [Mechanism] {
        switch self {
        case .es256, .es384: [.plain(.ecdsaSHA1), .plain(.ecdsaSHA256)]
        case .rs256: [.pssSHA256, .plain(.sha512RSAPKCS)]
        case .ps256: [.plain(.rsaPKCS), .plain(.sha256RSAPKCS)]
        case .edDSA: []
        // RSA with PKCS#1 v1.5 padding is never used to decrypt (docs/threat-model.md).
        case .rsaOAEP, .rsaOAEP256: [.plain(.rsaPKCS)]
        }
    }
}
