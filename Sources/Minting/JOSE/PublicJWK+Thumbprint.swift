import Crypto
import StrictEncoding

extension PublicJWK {
    static func required(of material: Material) -> JSONObject {
        func text(_ bytes: [UInt8]) -> JSONValue { .string(Base64URL.string(bytes)) }
        let members: [JSONObject.Member] =
            switch material {
            case .p256(let x, let y):
                [
                    .init(name: "kty", value: "EC"), .init(name: "crv", value: "P-256"),
                    .init(name: "x", value: text(x)), .init(name: "y", value: text(y)),
                ]
            case .rsa(let n, let e):
                [
                    .init(name: "kty", value: "RSA"), .init(name: "n", value: text(n)),
                    .init(name: "e", value: text(e)),
                ]
            case .ed25519(let x):
                [
                    .init(name: "kty", value: "OKP"), .init(name: "crv", value: "Ed25519"),
                    .init(name: "x", value: text(x)),
                ]
            }
        return JSONObject(members)
    }

    /// The canonical form sorts as RFC 7638 section 3.3 asks: all names and values are ASCII.
    static func thumbprint(of material: Material) -> String {
        let digest = SHA256.hash(data: JSONWriter.canonical(.object(required(of: material))))
        return Base64URL.string(Array(digest))
    }
}
