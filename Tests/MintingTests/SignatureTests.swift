import Crypto
import CryptoExtras
import Foundation
import Minting
import StrictEncoding
import Testing

@Suite struct SignatureTests {
    struct Vector: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let key: PublicJWK.Material
        let algorithm: JWSAlgorithm
        let token: String
    }

    static let vectors = [
        Vector(
            testDescription: "RFC 7515 A.2", key: TestKey.rs256.material, algorithm: .rs256,
            token: RFCVectors.rs256Token),
        Vector(
            testDescription: "RFC 7515 A.3", key: TestKey.es256.material, algorithm: .es256,
            token: RFCVectors.es256Token),
        Vector(
            testDescription: "RFC 8037 A.4", key: TestKey.edDSA.material, algorithm: .edDSA,
            token: RFCVectors.ed25519Token),
        Vector(
            testDescription: "RFC 7520 4.1", key: .rsa(n: bytes(RFCVectors.cookbookModulus), e: [1, 0, 1]),
            algorithm: .rs256, token: RFCVectors.cookbookRS256Token),
        Vector(
            testDescription: "PS256 by OpenSSL", key: TestKey.ps256.material, algorithm: .ps256,
            token: RFCVectors.ps256Token),
    ]

    /// Signing input and signature of a compact serialization.
    private func parts(_ token: String) throws -> (input: [UInt8], signature: [UInt8]) {
        let dot = try #require(token.lastIndex(of: "."))
        return (Array(token[..<dot].utf8), bytes(String(token[token.index(after: dot)...])))
    }

    @Test(arguments: vectors) func signaturesOfTheStandardsVerify(vector: Vector) throws {
        let (input, signature) = try parts(vector.token)
        let key = try PublicJWK(vector.key, algorithm: vector.algorithm)
        #expect(key.verify(signature, over: input))
    }

    @Test(arguments: vectors) func aSignatureWithOneBitChangedDoesNotVerify(vector: Vector) throws {
        let (input, signature) = try parts(vector.token)
        let key = try PublicJWK(vector.key, algorithm: vector.algorithm)
        for index in signature.indices {
            var changed = signature
            changed[index] ^= 1
            #expect(!key.verify(changed, over: input), "bit in byte \(index)")
        }
        var changed = input
        changed[input.count - 1] ^= 1
        #expect(!key.verify(signature, over: changed))
    }

    @Test(arguments: vectors) func aSignatureOfAnotherLengthDoesNotVerify(vector: Vector) throws {
        let (input, signature) = try parts(vector.token)
        let key = try PublicJWK(vector.key, algorithm: vector.algorithm)
        let others: [[UInt8]] = [
            [], [0], signature.dropLast(), signature.dropFirst() + [], [0] + signature, signature + [0],
            signature + signature,
        ].map { Array($0) }
        for other in others { #expect(!key.verify(other, over: input), "\(other.count) bytes") }
    }

    @Test(arguments: TestKey.allCases) func signaturesOfFreshMessagesVerify(key: TestKey) throws {
        let input = Array("a.b".utf8)
        #expect(try key.jwk().verify(try key.sign(input), over: input))
        #expect(try !key.jwk().verify(try key.sign(input), over: Array("a.c".utf8)))
    }

    @Test func signaturesOfFreshKeysVerify() throws {
        let input = Array("x.y".utf8)
        let p256 = P256.Signing.PrivateKey()
        let point = Array(p256.publicKey.rawRepresentation)
        let es256 = try PublicJWK(.p256(x: Array(point[..<32]), y: Array(point[32...])), algorithm: .es256)
        #expect(es256.verify(Array(try p256.signature(for: input).rawRepresentation), over: input))
        let edwards = Curve25519.Signing.PrivateKey()
        let edDSA = try PublicJWK(.ed25519(x: Array(edwards.publicKey.rawRepresentation)), algorithm: .edDSA)
        #expect(edDSA.verify(Array(try edwards.signature(for: input)), over: input))
    }

    /// CVE-2022-21449: r = s = 0 verified everything; so must neither numbers of or above the order.
    @Test(
        "an ES256 signature with r or s out of range does not verify",
        arguments: [
            ([UInt8](repeating: 0, count: 32), [UInt8](repeating: 0, count: 32)),
            ([UInt8](repeating: 0, count: 32), [UInt8](repeating: 1, count: 32)),
            ([UInt8](repeating: 1, count: 32), [UInt8](repeating: 0, count: 32)),
            (order, order), (order, [UInt8](repeating: 1, count: 32)),
            ([UInt8](repeating: 0xFF, count: 32), [UInt8](repeating: 0xFF, count: 32)),
        ])
    func psychicSignature(r: [UInt8], s: [UInt8]) throws {
        #expect(try !TestKey.es256.jwk().verify(r + s, over: Array("a.b".utf8)))
    }

    /// The order of P-256 (SP 800-186 section 3.2.1.3).
    static let order: [UInt8] = [
        0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
    ]

    @Test func aDERSignatureDoesNotVerify() throws {
        let input = Array("a.b".utf8)
        let key = try P256.Signing.PrivateKey(rawRepresentation: bytes(RFCVectors.es256D))
        let der = Array(try key.signature(for: input).derRepresentation)
        #expect(try !TestKey.es256.jwk().verify(der, over: input))
    }

    @Test func aPSSSignatureWithAShortSaltDoesNotVerify() throws {
        let (input, _) = try parts(RFCVectors.ps256Token)
        #expect(try !TestKey.ps256.jwk().verify(bytes(RFCVectors.ps256ShortSaltSignature), over: input))
    }

    @Test func oneRSAKeyDoesNotVerifyTheOtherPadding() throws {
        let input = Array("a.b".utf8)
        #expect(try !TestKey.rs256.jwk().verify(try TestKey.ps256.sign(input), over: input))
        #expect(try !TestKey.ps256.jwk().verify(try TestKey.rs256.sign(input), over: input))
    }
}
