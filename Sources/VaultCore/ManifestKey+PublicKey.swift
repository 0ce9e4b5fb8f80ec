import Custody
import HSMBridge
import StrictEncoding

extension ManifestKey {
    /// The key as the bridge looks for it: identifier and public key must both agree with the token.
    func reference(file: String) throws(StartError) -> KeyReference {
        guard let algorithm = KeyAlgorithm(rawValue: algorithm), let id = ManifestKey.bytes(hexadecimal: id),
            let publicKey = PublicKey(jwk: jwk)
        else {
            throw StartError(
                file: file, field: "keys (\(label))", problem: "its alg, id or jwk cannot be read",
                mend: "restore the manifest as the ceremony wrote it; it is never edited by hand")
        }
        return KeyReference(id: id, label: label, algorithm: algorithm, publicKey: publicKey)
    }

    private static func bytes(hexadecimal text: String) -> [UInt8]? {
        let digits = text.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count == text.utf8.count, digits.count % 2 == 0, !digits.isEmpty else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}

extension PublicKey {
    /// Reads the members RFC 7518 section 6 requires of a public JWK.
    init?(jwk: JSONObject) {
        func member(_ name: String) -> [UInt8]? { jwk[name]?.string.flatMap { Base64URL.decode($0) } }
        switch jwk["kty"]?.string {
        case "EC":
            guard let x = member("x"), let y = member("y") else { return nil }
            self = .ec(x: x, y: y)
        case "OKP":
            guard jwk["crv"] == "Ed25519", let x = member("x") else { return nil }
            self = .ed25519(x)
        case "RSA":
            guard let n = member("n"), let e = member("e") else { return nil }
            self = .rsa(modulus: n, exponent: e)
        default: return nil
        }
    }

    /// The required members in lexicographic order (RFC 7638 section 3.2).
    var jwk: JSONObject {
        func text(_ bytes: [UInt8]) -> JSONValue { .string(Base64URL.string(bytes)) }
        switch self {
        case .ec(let x, let y):
            return JSONObject([
                .init(name: "crv", value: x.count == 48 ? "P-384" : "P-256"), .init(name: "kty", value: "EC"),
                .init(name: "x", value: text(x)), .init(name: "y", value: text(y)),
            ])
        case .ed25519(let x):
            return JSONObject([
                .init(name: "crv", value: "Ed25519"), .init(name: "kty", value: "OKP"),
                .init(name: "x", value: text(x)),
            ])
        case .rsa(let modulus, let exponent):
            return JSONObject([
                .init(name: "e", value: text(exponent)), .init(name: "kty", value: "RSA"),
                .init(name: "n", value: text(modulus)),
            ])
        }
    }
}
