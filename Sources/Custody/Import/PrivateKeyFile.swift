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
        let block = try PEMBlock(pem)
        switch block.label {
        case "PRIVATE KEY": try self.init(pkcs8: block.der)
        case "RSA PRIVATE KEY":
            try self.init(pkcs8: try PrivateKeyFile.info(PrivateKeyFile.rsa, parameters: [0x05, 0x00], key: block.der))
        case "EC PRIVATE KEY":
            let parameters = DERReader.element(0x06, PrivateKeyFile.p256)
            try self.init(
                pkcs8: try PrivateKeyFile.info(PrivateKeyFile.ellipticCurve, parameters: parameters, key: block.der))
        case "ENCRYPTED PRIVATE KEY":
            throw CustodyError(.unsupported, "the PEM file has a passphrase: take it off with `openssl pkey -in FILE`")
        default: throw CustodyError(.unsupported, "the PEM file holds no private key of a kind that can be imported")
        }
    }

    /// Takes PKCS#8 as it is.
    package init(pkcs8: LockedBytes) throws(CustodyError) {
        self.pkcs8 = pkcs8
        jwk = try PrivateKeyFile.publicKey(of: try PrivateKeyFile.layout(of: pkcs8), in: pkcs8)
    }

    /// The numbers it is made of, which leave locked memory: for a process that does nothing else.
    package var parts: Parts {
        get throws(CustodyError) {
            switch try PrivateKeyFile.layout(of: pkcs8) {
            case .rsa(let numbers): .rsa(numbers.map { PrivateKeyFile.copy($0, of: pkcs8) })
            case .p256(let number): .p256(PrivateKeyFile.copy(number, of: pkcs8))
            case .ed25519(let seed): .ed25519(PrivateKeyFile.copy(seed, of: pkcs8))
            }
        }
    }

    /// Where the numbers lie.
    private enum Layout {
        case rsa([Range<Int>])
        case p256(Range<Int>)
        case ed25519(Range<Int>)
    }

    private static func layout(of pkcs8: LockedBytes) throws(CustodyError) -> Layout {
        var outer = DERReader(pkcs8)
        var info = try outer.sequence()
        try outer.finish()
        _ = try info.unsigned()
        var algorithm = try info.sequence()
        let identifier = copy(try algorithm.next(0x06), of: pkcs8)
        switch identifier {
        case rsa: return .rsa(try rsaNumbers(try info.octets(), pkcs8))
        case ellipticCurve:
            guard copy(try algorithm.next(0x06), of: pkcs8) == p256 else { throw otherKind }
            return .p256(try p256Number(try info.octets(), pkcs8))
        case edwards25519:
            var inner = DERReader(pkcs8, try info.octets())
            let seed = try inner.octets()
            guard seed.count == 32 else { throw otherKind }
            return .ed25519(seed)
        default: throw otherKind
        }
    }

    private static func rsaNumbers(_ contents: Range<Int>, _ pkcs8: LockedBytes) throws(CustodyError) -> [Range<Int>] {
        var outer = DERReader(pkcs8, contents)
        var reader = try outer.sequence()
        try outer.finish()
        guard try reader.unsigned().isEmpty else {
            throw CustodyError(.unsupported, "RSA keys of more than two primes are not taken")
        }
        var numbers: [Range<Int>] = []
        for _ in 0..<8 { numbers.append(try reader.unsigned()) }
        try reader.finish()
        return numbers
    }

    private static func p256Number(_ contents: Range<Int>, _ pkcs8: LockedBytes) throws(CustodyError) -> Range<Int> {
        var outer = DERReader(pkcs8, contents)
        var reader = try outer.sequence()
        guard copy(try reader.unsigned(), of: pkcs8) == [1] else { throw otherKind }
        let number = try reader.octets()
        if reader.isNext(0xA0) {
            var parameters = DERReader(pkcs8, try reader.next(0xA0))
            guard copy(try parameters.next(0x06), of: pkcs8) == p256 else { throw otherKind }
        }
        guard number.count == 32 else { throw otherKind }
        return number
    }

    private static func copy(_ range: Range<Int>, of bytes: LockedBytes) -> [UInt8] {
        bytes.withSpan { span in range.map { span[$0] } }
    }

    private static func publicKey(of layout: Layout, in pkcs8: LockedBytes) throws(CustodyError) -> JSONObject {
        func text(_ bytes: some Collection<UInt8>) -> JSONValue { .string(Base64URL.string(bytes)) }
        switch layout {
        case .rsa(let numbers):
            let (modulus, exponent) = (copy(numbers[0], of: pkcs8), copy(numbers[1], of: pkcs8))
            let bits = modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0)
            guard bits >= 2048, exponent == [1, 0, 1] else {
                throw CustodyError(.unsupported, "RSA keys must have 2048 bits or more and the exponent 65537")
            }
            return JSONObject([
                .init(name: "e", value: text(exponent)), .init(name: "kty", value: "RSA"),
                .init(name: "n", value: text(modulus)),
            ])
        case .p256(let number):
            // Safety: the bytes are lent for the length of the call, which copies them to memory that it wipes itself.
            let key = unsafe pkcs8.withUnsafeBytes {
                unsafe try? P256.Signing.PrivateKey(rawRepresentation: UnsafeRawBufferPointer(rebasing: $0[number]))
            }
            guard let key else { throw otherKind }
            let point = Array(key.publicKey.x963Representation)
            return JSONObject([
                .init(name: "crv", value: "P-256"), .init(name: "kty", value: "EC"),
                .init(name: "x", value: text(point[1...32])), .init(name: "y", value: text(point[33...64])),
            ])
        case .ed25519(let seed):
            // Safety: as above.
            let key = unsafe pkcs8.withUnsafeBytes {
                unsafe try? Curve25519.Signing.PrivateKey(rawRepresentation: UnsafeRawBufferPointer(rebasing: $0[seed]))
            }
            guard let key else { throw otherKind }
            return JSONObject([
                .init(name: "crv", value: "Ed25519"), .init(name: "kty", value: "OKP"),
                .init(name: "x", value: text(Array(key.publicKey.rawRepresentation))),
            ])
        }
    }

    /// PrivateKeyInfo around a key, in locked memory like it.
    private static func info(
        _ identifier: [UInt8], parameters: [UInt8], key: LockedBytes
    ) throws(CustodyError) -> LockedBytes {
        let algorithm = DERReader.element(0x30, DERReader.element(0x06, identifier) + parameters)
        let inner = [0x02, 0x01, 0x00] + algorithm + DERReader.head(0x04, length: key.count)
        let front = DERReader.head(0x30, length: inner.count + key.count) + inner
        return try LockedBytes(count: front.count + key.count) { room in
            for (index, byte) in front.enumerated() { room[index] = byte }
            key.withSpan { key in for index in key.indices { room[front.count + index] = key[index] } }
        }
    }

    private static var otherKind: CustodyError {
        CustodyError(.unsupported, "only RSA, EC P-256 and Ed25519 keys can be imported")
    }
}
