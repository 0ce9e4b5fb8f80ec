import Crypto
import CryptoExtras
import Foundation
package import StrictEncoding
import SwiftASN1

extension DevelopmentKey {
    /// The public key as a JWK with `kid`, `alg` and `use` (RFC 7517 section 4).
    package var publicJWK: JSONObject {
        get throws { withNames(try material.publicMembers) }
    }

    /// The private key as a JWK (RFC 7518 section 6, RFC 8037 section 2).
    ///
    /// A secret: for files with mode 0600 alone.
    package var privateJWK: JSONObject {
        get throws {
            var jwk = try publicJWK
            for member in try material.privateMembers { jwk[member.name] = member.value }
            return jwk
        }
    }

    /// The key in a private JWK, as `privateJWK` writes it; a `kid` that is not the thumbprint is refused.
    package init(privateJWK text: String) throws {
        guard case .object(let jwk)? = try? JSONParser.parse(Array(text.utf8)),
            let algorithm = jwk["alg"]?.string.flatMap(Algorithm.init(rawValue:))
        else { throw DevelopmentError(.key, "the JWK is not a JSON object with a known alg") }
        do {
            try self.init(algorithm, Material(jwk, algorithm))
        } catch {
            throw DevelopmentError(.key, "the JWK holds no private key for \(algorithm.rawValue)")
        }
        guard jwk["kid"]?.string == kid else { throw DevelopmentError(.key, "the JWK's kid is not its thumbprint") }
    }

    private func withNames(_ members: JSONObject) -> JSONObject {
        var jwk = members
        jwk["kid"] = .string(kid)
        jwk["alg"] = .string(algorithm.rawValue)
        jwk["use"] = "sig"
        return jwk
    }
}

extension DevelopmentKey.Material {
    /// The members a thumbprint is made of (RFC 7638 section 3.2, RFC 8037 section 2).
    var publicMembers: JSONObject {
        get throws {
            switch self {
            case .p256(let key):
                let point = key.publicKey.rawRepresentation
                return Self.members([
                    ("kty", "EC"), ("crv", "P-256"), ("x", Base64URL.string(point.prefix(32))),
                    ("y", Base64URL.string(point.suffix(32))),
                ])
            case .ed25519(let key):
                return Self.members([
                    ("kty", "OKP"), ("crv", "Ed25519"), ("x", Base64URL.string(key.publicKey.rawRepresentation)),
                ])
            case .rsa(let key):
                let numbers = try key.publicKey.getKeyPrimitives()
                return Self.members([
                    ("kty", "RSA"), ("n", Base64URL.string(numbers.modulus)),
                    ("e", Base64URL.string(numbers.publicExponent)),
                ])
            }
        }
    }

    /// The members that only a private key has.
    var privateMembers: [JSONObject.Member] {
        get throws {
            switch self {
            case .p256(let key): return Self.members([("d", Base64URL.string(key.rawRepresentation))]).members
            case .ed25519(let key): return Self.members([("d", Base64URL.string(key.rawRepresentation))]).members
            case .rsa(let key):
                let numbers = try Self.integers(inPrivateKey: Array(key.derRepresentation))
                let names = ["d", "p", "q", "dp", "dq", "qi"]
                return Self.members(zip(names, numbers.dropFirst(3)).map { ($0, Base64URL.string($1)) }).members
            }
        }
    }

    init(_ jwk: JSONObject, _ algorithm: DevelopmentKey.Algorithm) throws {
        func number(_ name: String) throws -> [UInt8] {
            guard let bytes = jwk[name]?.string.flatMap({ Base64URL.decode($0) }) else {
                throw DevelopmentError(.key, "the JWK has no \(name)")
            }
            return bytes
        }
        switch algorithm {
        case .es256: self = .p256(try P256.Signing.PrivateKey(rawRepresentation: number("d")))
        case .edDSA: self = .ed25519(try Curve25519.Signing.PrivateKey(rawRepresentation: number("d")))
        case .rs256, .ps256:
            self = .rsa(
                try _RSA.Signing.PrivateKey(
                    n: number("n"), e: number("e"), d: number("d"), p: number("p"), q: number("q")))
        }
    }

    /// The nine integers of an RSAPrivateKey, without leading zeroes (RFC 8017 appendix A.1.2).
    private static func integers(inPrivateKey der: [UInt8]) throws -> [ArraySlice<UInt8>] {
        try DER.sequence(try DER.parse(der), identifier: .sequence) { nodes in
            var result: [ArraySlice<UInt8>] = []
            for _ in 0..<9 { result.append(try ArraySlice(derEncoded: &nodes).drop { $0 == 0 }) }
            return result
        }
    }

    private static func members(_ pairs: [(String, String)]) -> JSONObject {
        JSONObject(pairs.map { JSONObject.Member(name: $0.0, value: .string($0.1)) })
    }
}
