import Crypto
import CryptoExtras
import Foundation

extension SSHPublicKey {
    /// Whether a signature in wire form is this key's over `data`.
    ///
    /// The signature's own algorithm name must be one that belongs to the key's type; SHA-1 with RSA is refused (RFC
    /// 8332). For FIDO keys the device must say that somebody touched it.
    func isValid(signature: [UInt8], over data: [UInt8]) throws(CustodyError) -> Bool {
        var reader = SSHReader(signature)
        let name = try reader.text()
        let body = try reader.string()
        switch material {
        case .ed25519(let key, let application):
            let message = try signedMessage(name, data, application, &reader)
            return body.count == 64 && SSHPublicKey.ed25519(key, body, message)
        case .p256(let key, let application):
            let message = try signedMessage(name, data, application, &reader)
            let raw = try SSHPublicKey.raw(body, size: 32)
            guard let key = try? P256.Signing.PublicKey(x963Representation: key),
                let signature = try? P256.Signing.ECDSASignature(rawRepresentation: raw)
            else { return false }
            return key.isValidSignature(signature, for: SHA256.hash(data: message))
        case .p384(let key):
            let message = try signedMessage(name, data, nil, &reader)
            let raw = try SSHPublicKey.raw(body, size: 48)
            guard let key = try? P384.Signing.PublicKey(x963Representation: key),
                let signature = try? P384.Signing.ECDSASignature(rawRepresentation: raw)
            else { return false }
            return key.isValidSignature(signature, for: SHA384.hash(data: message))
        case .rsa(let modulus, let exponent):
            try reader.finish()
            return try SSHPublicKey.rsa(modulus, exponent, name, body, data)
        }
    }

    /// What the key signs: the data, or for a FIDO key the frame around it (PROTOCOL.u2f, "SSH U2F Signatures").
    private func signedMessage(
        _ name: String, _ data: [UInt8], _ application: [UInt8]?, _ reader: inout SSHReader
    ) throws(CustodyError) -> [UInt8] {
        guard name == algorithm.rawValue else {
            throw CustodyError(.unsupported, "the signature's algorithm is not the key's")
        }
        guard let application else {
            try reader.finish()
            return data
        }
        let flags = try reader.byte()
        let counter = try reader.bytes(4)
        try reader.finish()
        guard flags & 1 == 1 else { throw CustodyError(.badSignature, "nobody touched the security key") }
        return Array(SHA256.hash(data: application)) + [flags] + counter + Array(SHA256.hash(data: data))
    }

    private static func ed25519(_ key: [UInt8], _ signature: [UInt8], _ message: [UInt8]) -> Bool {
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: key) else { return false }
        return key.isValidSignature(signature, for: message)
    }

    /// r and s at full width (RFC 5656 section 3.1.2 has them as integers).
    private static func raw(_ body: [UInt8], size: Int) throws(CustodyError) -> [UInt8] {
        var reader = SSHReader(body)
        let r = try reader.positiveInteger()
        let s = try reader.positiveInteger()
        try reader.finish()
        guard r.count <= size, s.count <= size else { throw CustodyError(.malformed, "an ECDSA signature is too long") }
        func padded(_ number: [UInt8]) -> [UInt8] { [UInt8](repeating: 0, count: size - number.count) + number }
        return padded(r) + padded(s)
    }

    private static func rsa(
        _ modulus: [UInt8], _ exponent: [UInt8], _ name: String, _ body: [UInt8], _ data: [UInt8]
    ) throws(CustodyError) -> Bool {
        guard body.count <= modulus.count, let key = try? _RSA.Signing.PublicKey(n: modulus, e: exponent) else {
            return false
        }
        let padded = [UInt8](repeating: 0, count: modulus.count - body.count) + body
        let signature = _RSA.Signing.RSASignature(rawRepresentation: padded)
        switch name {
        case "rsa-sha2-256":
            return key.isValidSignature(signature, for: SHA256.hash(data: data), padding: .insecurePKCS1v1_5)
        case "rsa-sha2-512":
            return key.isValidSignature(signature, for: SHA512.hash(data: data), padding: .insecurePKCS1v1_5)
        default: throw CustodyError(.unsupported, "RSA signatures must be rsa-sha2-256 or rsa-sha2-512")
        }
    }
}
