import Crypto
import CryptoExtras
import Foundation
package import StrictEncoding

/// A private signing key of an identity provider in development and tests, in memory (RFC 7517, RFC 7518, RFC 8037).
package struct DevelopmentKey: Sendable, CustomStringConvertible {
    /// The algorithms the appliance accepts from issuers (RFC 7518 section 3.1, RFC 8037 section 3.1).
    package enum Algorithm: String, Sendable, CaseIterable {
        /// P-256 with SHA-256.
        case es256 = "ES256"
        /// RSA PKCS#1 v1.5 with SHA-256.
        case rs256 = "RS256"
        /// Ed25519.
        case edDSA = "EdDSA"
        /// RSA PSS with SHA-256.
        case ps256 = "PS256"
    }

    enum Material: Sendable {
        case p256(P256.Signing.PrivateKey)
        case ed25519(Curve25519.Signing.PrivateKey)
        case rsa(_RSA.Signing.PrivateKey)
    }

    /// What the key signs with.
    package let algorithm: Algorithm
    /// The RFC 7638 thumbprint of the public key.
    package let kid: String
    let material: Material

    /// A new key; RSA keys have 2048 bits.
    package init(_ algorithm: Algorithm) throws {
        switch algorithm {
        case .es256: try self.init(algorithm, .p256(P256.Signing.PrivateKey()))
        case .edDSA: try self.init(algorithm, .ed25519(Curve25519.Signing.PrivateKey()))
        case .rs256, .ps256: try self.init(algorithm, .rsa(_RSA.Signing.PrivateKey(keySize: .bits2048)))
        }
    }

    init(_ algorithm: Algorithm, _ material: Material) throws {
        self.algorithm = algorithm
        self.material = material
        kid = Base64URL.string(Array(SHA256.hash(data: JSONWriter.canonical(.object(try material.publicMembers)))))
    }

    /// The signature over `input` in the form JWS wants (RFC 7518 section 3).
    package func signature(over input: [UInt8]) throws -> [UInt8] {
        switch material {
        case .p256(let key): return Array(try key.signature(for: input).rawRepresentation)
        case .ed25519(let key): return Array(try key.signature(for: input))
        case .rsa(let key):
            let padding: _RSA.Signing.Padding = algorithm == .ps256 ? .PSS : .insecurePKCS1v1_5
            return Array(try key.signature(for: SHA256.hash(data: input), padding: padding).rawRepresentation)
        }
    }

    /// A JWT with this header and these claims, whatever they say: tests need bad ones too (RFC 7515 section 7.1).
    package func sign(header: JSONObject, claims: JSONObject) throws -> String {
        try sign(headerBytes: JSONWriter.compact(.object(header)), payload: JSONWriter.compact(.object(claims)))
    }

    /// A compact JWS over exactly these bytes, for payloads that no JSON writer would write.
    package func sign(headerBytes: [UInt8], payload: [UInt8]) throws -> String {
        let input = Base64URL.encode(headerBytes) + [UInt8(ascii: ".")] + Base64URL.encode(payload)
        return String(decoding: input, as: UTF8.self) + "." + Base64URL.string(try signature(over: input))
    }

    /// The header that fits this key: `alg`, `kid` and `typ`.
    package var header: JSONObject {
        JSONObject([
            .init(name: "alg", value: .string(algorithm.rawValue)), .init(name: "kid", value: .string(kid)),
            .init(name: "typ", value: "JWT"),
        ])
    }

    /// No key material.
    package var description: String { "\(algorithm.rawValue) \(kid)" }
}
