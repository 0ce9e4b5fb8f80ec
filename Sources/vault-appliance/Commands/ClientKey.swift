import Crypto
import Foundation
import Minting
import StrictEncoding

/// A client's private key in a JWK file: signs assertions and DPoP proofs of `exchange`.
struct ClientKey: CustomStringConvertible {
    private enum Material {
        case p256(P256.Signing.PrivateKey)
        case ed25519(Curve25519.Signing.PrivateKey)
    }

    private let material: Material
    /// The public half; its `kid` is the file's, or the thumbprint.
    private let publicKey: PublicJWK

    /// Reads a private JWK (RFC 7517) of P-256 or Ed25519.
    init(file: String) throws {
        guard let bytes = try? Data(contentsOf: URL(filePath: file)),
            let jwk = try? JSONParser.parse(Array(bytes)).object, let d = jwk["d"]?.string.flatMap(Base64URL.decode)
        else { throw CommandFailure("\(file): is no file with a private JWK") }
        do {
            switch (jwk["kty"]?.string, jwk["crv"]?.string) {
            case ("EC", "P-256"):
                let key = try P256.Signing.PrivateKey(rawRepresentation: d)
                let point = key.publicKey.rawRepresentation
                material = .p256(key)
                publicKey = try PublicJWK(
                    .p256(x: Array(point.prefix(32)), y: Array(point.suffix(32))), algorithm: .es256,
                    kid: jwk["kid"]?.string)
            case ("OKP", "Ed25519"):
                let key = try Curve25519.Signing.PrivateKey(rawRepresentation: d)
                material = .ed25519(key)
                publicKey = try PublicJWK(
                    .ed25519(x: Array(key.publicKey.rawRepresentation)), algorithm: .edDSA, kid: jwk["kid"]?.string)
            default: throw CommandFailure("\(file): the key must be EC P-256 or OKP Ed25519")
            }
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure("\(file): holds no usable private key")
        }
    }

    /// A client assertion (RFC 7523 section 3) that lives a minute.
    func assertion(client: String, issuer: String, now: UnixTime, jti: String) throws -> String {
        let claims = JSONObject([
            .init(name: "iss", value: .string(client)), .init(name: "sub", value: .string(client)),
            .init(name: "aud", value: .string(issuer)), .init(name: "iat", value: .integer(now.seconds)),
            .init(name: "exp", value: .integer(now.seconds + 60)), .init(name: "jti", value: .string(jti)),
        ])
        let token = UnsignedJWS(
            type: "client-authentication+jwt", algorithm: publicKey.algorithm, kid: publicKey.kid, claims: claims)
        return token.compact(signature: try signature(over: token.signingInput))
    }

    /// A DPoP proof (RFC 9449 section 4.2) for a POST to `target`.
    func proof(target: String, nonce: String?, now: UnixTime, jti: String) throws -> String {
        let header = JSONObject([
            .init(name: "typ", value: "dpop+jwt"), .init(name: "alg", value: .string(publicKey.algorithm.rawValue)),
            .init(name: "jwk", value: .object(publicKey.required)),
        ])
        var claims = JSONObject([
            .init(name: "jti", value: .string(jti)), .init(name: "htm", value: "POST"),
            .init(name: "htu", value: .string(target)), .init(name: "iat", value: .integer(now.seconds)),
        ])
        claims["nonce"] = nonce.map { .string($0) }
        let parts = [header, claims].map { Base64URL.string(JSONWriter.compact(.object($0))) }
        let input = parts.joined(separator: ".")
        return input + "." + Base64URL.string(try signature(over: Array(input.utf8)))
    }

    private func signature(over input: [UInt8]) throws -> [UInt8] {
        switch material {
        case .p256(let key): Array(try key.signature(for: input).rawRepresentation)
        case .ed25519(let key): Array(try key.signature(for: input))
        }
    }

    /// No key material.
    var description: String { "<redacted>" }
}
