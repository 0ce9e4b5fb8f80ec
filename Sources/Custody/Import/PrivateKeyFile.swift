import Crypto
package import StrictEncoding

/// A private key that others have made, as it lies in a PEM file: on its way into a token, in locked memory.
package struct PrivateKeyFile: Sendable {
    /// The numbers a key is made of; whoever takes them out of here wipes them.
    package enum Parts: Sendable {
        /// Modulus, public and private exponent, primes, exponents and coefficient (RFC 8017 section A.1.2).
        case rsa([[UInt8]])
        /// The private number of a P-256 key, 32 bytes.
        case p256([UInt8])
        /// The seed of an Ed25519 key, 32 bytes (RFC 8032).
        case ed25519([UInt8])
    }

    /// The longest file that is read.
    private static let longest = 65_536
    private static let rsa: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01]
    private static let ellipticCurve: [UInt8] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01]
    private static let p256: [UInt8] = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]
    private static let edwards25519: [UInt8] = [0x2B, 0x65, 0x70]

    /// PrivateKeyInfo (RFC 5208, RFC 5958).
    package let pkcs8: LockedBytes
    /// The public key, with its required members alone (RFC 7638 section 3.2).
    package let jwk: JSONObject

    /// Reads PEM (RFC 7468): `PRIVATE KEY`, `RSA PRIVATE KEY` or `EC PRIVATE KEY`, one key, without a passphrase.
    package init(pem: LockedBytes) throws(CustodyError) {
        guard pem.count <= PrivateKeyFile.longest else { throw CustodyError(.malformed, "the PEM file is too long") }
        var text = pem.withSpan { span in span.indices.map { span[$0] } }
        defer { LockedBytes.wipe(&text) }
        var (label, der) = try PrivateKeyFile.decode(text)
        defer { LockedBytes.wipe(&der) }
        switch label {
        case "PRIVATE KEY": break
        case "RSA PRIVATE KEY":
            der = PrivateKeyFile.info(PrivateKeyFile.rsa, parameters: [0x05, 0x00], key: der)
        case "EC PRIVATE KEY":
            let parameters = DERReader.element(0x06, PrivateKeyFile.p256)
            der = PrivateKeyFile.info(PrivateKeyFile.ellipticCurve, parameters: parameters, key: der)
        case "ENCRYPTED PRIVATE KEY":
            throw CustodyError(.unsupported, "the PEM file has a passphrase: take it off with `openssl pkey -in FILE`")
        default: throw CustodyError(.unsupported, "the PEM file holds no private key of a kind that can be imported")
        }
        try self.init(pkcs8: try LockedBytes(copying: der))
    }

    /// Takes PKCS#8 as it is.
    package init(pkcs8: LockedBytes) throws(CustodyError) {
        self.pkcs8 = pkcs8
        jwk = try PrivateKeyFile.publicKey(of: try PrivateKeyFile.parts(of: pkcs8))
    }

    /// The numbers it is made of.
    package var parts: Parts { get throws(CustodyError) { try PrivateKeyFile.parts(of: pkcs8) } }

    private static func parts(of pkcs8: LockedBytes) throws(CustodyError) -> Parts {
        var bytes = pkcs8.withSpan { span in span.indices.map { span[$0] } }
        defer { LockedBytes.wipe(&bytes) }
        var outer = DERReader(bytes[...])
        var info = try outer.sequence()
        try outer.finish()
        _ = try info.unsigned()
        var algorithm = try info.sequence()
        let identifier = Array(try algorithm.next(0x06))
        switch identifier {
        case rsa: return .rsa(try rsaNumbers(try info.octets()))
        case ellipticCurve:
            guard Array(try algorithm.next(0x06)) == p256 else { throw otherKind }
            return .p256(try p256Number(try info.octets()))
        case edwards25519:
            var inner = DERReader(try info.octets())
            let seed = Array(try inner.octets())
            guard seed.count == 32 else { throw otherKind }
            return .ed25519(seed)
        default: throw otherKind
        }
    }

    private static func rsaNumbers(_ contents: ArraySlice<UInt8>) throws(CustodyError) -> [[UInt8]] {
        var outer = DERReader(contents)
        var reader = try outer.sequence()
        try outer.finish()
        guard try reader.unsigned().isEmpty else {
            throw CustodyError(.unsupported, "RSA keys of more than two primes are not taken")
        }
        var numbers: [[UInt8]] = []
        for _ in 0..<8 { numbers.append(Array(try reader.unsigned())) }
        try reader.finish()
        return numbers
    }

    private static func p256Number(_ contents: ArraySlice<UInt8>) throws(CustodyError) -> [UInt8] {
        var outer = DERReader(contents)
        var reader = try outer.sequence()
        guard try reader.unsigned().elementsEqual([1]) else { throw otherKind }
        let number = Array(try reader.octets())
        if reader.isNext(0xA0) {
            var parameters = DERReader(try reader.next(0xA0))
            guard Array(try parameters.next(0x06)) == p256 else { throw otherKind }
        }
        guard number.count == 32 else { throw otherKind }
        return number
    }

    private static func publicKey(of parts: Parts) throws(CustodyError) -> JSONObject {
        func text(_ bytes: some Collection<UInt8>) -> JSONValue { .string(Base64URL.string(bytes)) }
        switch parts {
        case .rsa(var numbers):
            defer { for index in numbers.indices { LockedBytes.wipe(&numbers[index]) } }
            let bits = numbers[0].count * 8 - (numbers[0].first?.leadingZeroBitCount ?? 0)
            guard bits >= 2048, numbers[1] == [1, 0, 1] else {
                throw CustodyError(.unsupported, "RSA keys must have 2048 bits or more and the exponent 65537")
            }
            return JSONObject([
                .init(name: "e", value: text(numbers[1])), .init(name: "kty", value: "RSA"),
                .init(name: "n", value: text(numbers[0])),
            ])
        case .p256(var number):
            defer { LockedBytes.wipe(&number) }
            guard let key = try? P256.Signing.PrivateKey(rawRepresentation: number) else { throw otherKind }
            let point = Array(key.publicKey.x963Representation)
            return JSONObject([
                .init(name: "crv", value: "P-256"), .init(name: "kty", value: "EC"),
                .init(name: "x", value: text(point[1...32])), .init(name: "y", value: text(point[33...64])),
            ])
        case .ed25519(var seed):
            defer { LockedBytes.wipe(&seed) }
            guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed) else { throw otherKind }
            return JSONObject([
                .init(name: "crv", value: "Ed25519"), .init(name: "kty", value: "OKP"),
                .init(name: "x", value: text(Array(key.publicKey.rawRepresentation))),
            ])
        }
    }

    private static func info(_ identifier: [UInt8], parameters: [UInt8], key: [UInt8]) -> [UInt8] {
        let algorithm = DERReader.element(0x30, DERReader.element(0x06, identifier) + parameters)
        return DERReader.element(0x30, [0x02, 0x01, 0x00] + algorithm + DERReader.element(0x04, key))
    }

    /// The one block of a PEM text; openssl writes `EC PARAMETERS` in front of `EC PRIVATE KEY`, which says nothing new.
    private static func decode(_ text: [UInt8]) throws(CustodyError) -> (label: String, der: [UInt8]) {
        let malformed = CustodyError(.malformed, "the file is not PEM with one private key")
        var lines = text.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D })[...]
        while let line = lines.popFirst() {
            guard line.starts(with: "-----BEGIN ".utf8) else { continue }
            let label = String(decoding: line.dropFirst(11), as: UTF8.self)
            guard label.hasSuffix("-----") else { throw malformed }
            let end = "-----END " + label
            var digits: [UInt8] = []
            digits.reserveCapacity(text.count)
            defer { LockedBytes.wipe(&digits) }
            while let line = lines.popFirst(), !line.elementsEqual(end.utf8) {
                guard !line.contains(UInt8(ascii: ":")), !line.starts(with: "-----".utf8) else { throw malformed }
                digits.append(contentsOf: line)
            }
            guard label != "EC PARAMETERS-----" else { continue }
            guard let der = StandardBase64.decode(digits),
                !lines.contains(where: { $0.starts(with: "-----BEGIN ".utf8) })
            else { throw malformed }
            return (String(label.dropLast(5)), der)
        }
        throw malformed
    }

    private static var otherKind: CustodyError {
        CustodyError(.unsupported, "only RSA, EC P-256 and Ed25519 keys can be imported")
    }
}
